"""The HTTP door: RSGI and ASGI in, problem+json out."""
