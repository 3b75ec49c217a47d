"""The Secrets Manager, and where it finds secrets."""
