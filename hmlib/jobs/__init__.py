"""Work that outlives its request: one table of jobs, one runner, one outbox; and child processes with an end to their time and memory."""
