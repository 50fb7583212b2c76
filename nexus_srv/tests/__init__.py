"""Nexus over HTTP, with the cast of hmlib.testing."""
