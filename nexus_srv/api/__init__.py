"""What programs are answered: bearer token, JSON."""
