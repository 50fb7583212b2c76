"""Files that people upload to import, and what an import answers."""
