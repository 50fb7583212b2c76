"""The suite's processes on one machine: which run, and how they are started, watched and stopped."""
