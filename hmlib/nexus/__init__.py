"""A module's client of Nexus: its directory, its tokens, and which companies a caller may see."""
