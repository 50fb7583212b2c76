"""Backups: one encrypted file that holds a whole suite, how it is checked, and how it takes the place of what is there."""
