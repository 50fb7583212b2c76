"""The SQL, one module per noun."""
