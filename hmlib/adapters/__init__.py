"""The private parts of libraries that we lean on: one module a library, each with the version it was read against."""
