"""Nexus as an OAuth 2 and OpenID Connect provider."""
