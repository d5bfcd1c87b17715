"""One background loop that submits, watches and downloads clips."""
