"""What changed between two types or two APIs, and whom it breaks."""
