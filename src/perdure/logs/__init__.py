"""What is told in words: structured logs, and who asked for what."""
