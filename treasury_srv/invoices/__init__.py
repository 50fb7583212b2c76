"""Bills of a month, gathered, summed up and put into words."""
