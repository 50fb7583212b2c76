"""Work beside requests, in child processes with an end to their time and memory."""
