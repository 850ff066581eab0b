"""The products' graphs, a file or a folder for each."""
