"""As `perdure_app`, with every request traced, and sent to a collector."""

from perdure_routes import build, recording, tracing

app = build(recording(**tracing(1.0)), rate_limit="100000/second")
