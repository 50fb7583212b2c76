"""Answers other services: bearer token, JSON."""
