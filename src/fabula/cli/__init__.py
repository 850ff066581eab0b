"""The command line."""

from fabula.cli.app import main

__all__ = ["main"]
