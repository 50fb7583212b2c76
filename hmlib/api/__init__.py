"""The conventions of the JSON API, and its description."""
