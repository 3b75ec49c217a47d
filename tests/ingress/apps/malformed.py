"""An app whose definition is found to be wrong when it is compiled."""

from perdure import App

app = App("malformed")


@app.get("/twice")
async def first() -> None: ...


@app.get("/twice")
async def second() -> None: ...
