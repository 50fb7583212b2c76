"""One process of a service: its application, its socket, TLS, health, start and end."""
