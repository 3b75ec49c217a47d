"""Descriptions of handlers and of whole APIs."""
