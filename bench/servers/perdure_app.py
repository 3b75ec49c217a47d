"""Perdure with all on that stands in a request's way.

Ids, traces, three versions, a rate limit that is counted exactly, hooks, both validations, usage, metrics, audit log.
"""

from perdure_routes import build, recording

app = build(recording(), rate_limit="100000/second")
