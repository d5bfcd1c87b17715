"""What is kept on disk: SQLite and files. No network."""
