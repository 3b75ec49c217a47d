"""Writing revisions: from what changed to the files that record it."""
