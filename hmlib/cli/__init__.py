"""The command `hm`."""
