"""A small shop that has published three versions of its API and serves them all."""
