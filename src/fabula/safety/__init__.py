"""What stands between fabula and a world that may be hostile."""
