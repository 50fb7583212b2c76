"""Agreements, charges and prices that come as tables."""
