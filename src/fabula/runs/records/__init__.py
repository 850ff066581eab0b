"""What a run leaves behind: read again, packed into one archive, replayed for nothing."""
