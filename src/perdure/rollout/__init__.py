"""Which versions are served to whom: activation, tags, weights, pins, health, retirement."""
