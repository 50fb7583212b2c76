"""Treasury's SQL, a module for each noun."""
