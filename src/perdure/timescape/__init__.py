"""Timescape: the versions of an API, and how requests and answers get from one to another."""
