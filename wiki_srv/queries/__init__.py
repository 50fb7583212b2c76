"""The SQL of Wiki, a module per noun."""
