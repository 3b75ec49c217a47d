"""As `perdure_app`, for clients alone whose token is good and has a role."""

from perdure_routes import build

from perdure import AuthSettings, Config, JwtSettings

BENCH = JwtSettings(issuer="https://bench.example", audience=("bench",), algorithms=("HS256",), secret="token_key")

app = build(Config(auth=AuthSettings(jwt={"bench": BENCH})), roles={"clerk"}, rate_limit="100000/second")
