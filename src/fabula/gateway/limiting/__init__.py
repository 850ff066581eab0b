"""How provider limits are kept: in this process, or through Redis for all processes together."""

from fabula.gateway.limiting.opening import provider_limits

__all__ = ["provider_limits"]
