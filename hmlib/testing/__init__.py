"""Fixtures, a cast and a fake hub for tests that speak HTTP."""
