"""The SQL of Wiki, a module for each kind of record."""
