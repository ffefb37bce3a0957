"""Child processes of a command, and what they run: web processes, Prefect's server and worker."""
