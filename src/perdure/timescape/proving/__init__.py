"""Proving transformers on generated values, before a client does."""
