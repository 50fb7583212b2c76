"""The commands of `hm`, by what they are about."""
