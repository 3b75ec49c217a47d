"""As `perdure_app`, but for everyone, as often as they like: what credentials and limits are measured against."""

from perdure_routes import build, recording

app = build(recording())
