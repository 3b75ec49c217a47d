"""An app that cannot start."""

from perdure import App

app = App("broken")


@app.startup
def fail() -> None:
    raise RuntimeError("no database")
