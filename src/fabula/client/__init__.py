"""Ask a fabula service, or its workers, for runs."""

from fabula.client.enqueue import Enqueued, enqueue

__all__ = ["Enqueued", "enqueue"]
