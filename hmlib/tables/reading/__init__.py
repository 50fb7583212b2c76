"""How a table is read: its headings, a first look through all of it, and what is said of its rows."""
