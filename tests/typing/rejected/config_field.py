"""A setting that does not exist."""

from perdure import Config

config = Config(request_timeout=3)  # expect: call-arg
