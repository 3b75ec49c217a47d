"""As `perdure_app`, with one request in a hundred traced, and sent to a collector."""

from perdure_routes import build, recording, tracing

app = build(recording(**tracing(0.01)), rate_limit="100000/second")
