"""As `perdure_app`, for clients alone whose token is good and has a role."""

from perdure_routes import build, recording

from perdure import AuthSettings, JwtSettings

BENCH = JwtSettings(issuer="https://bench.example", audience=("bench",), algorithms=("HS256",), secret="token_key")

app = build(recording(auth=AuthSettings(jwt={"bench": BENCH})), roles={"clerk"}, rate_limit="100000/second")
