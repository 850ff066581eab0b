"""The pages for people: runs, one run as it happens, costs. Each is drawn by the server."""

from fabula.service.pages.routes import router

__all__ = ["router"]
