"""Nexus: who people are, how they sign in, and which companies exist."""
