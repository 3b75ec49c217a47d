"""Capability providers that handlers call through the Global Context."""
