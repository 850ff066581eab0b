"""The HTTP service: `create_app` makes the application that `fabula serve` runs."""

from fabula.service.app import create_app

__all__ = ["create_app"]
