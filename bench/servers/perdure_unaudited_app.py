"""As `perdure_app`, without the audit log: what that is measured against."""

from perdure_routes import build

app = build(rate_limit="100000/second")
