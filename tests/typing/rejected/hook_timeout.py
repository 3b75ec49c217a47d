"""A time limit that is no number."""

from perdure import App

app = App("shop")


@app.before(timeout_s="1")  # expect: call-overload, untyped-decorator
async def check() -> None: ...
