"""The SQL, a module for each kind of record."""
