"""Taking posts in as the world writes them: files, folders, feeds and pages, however messy."""
