"""An app with two versions, whose documents are asked for."""

from typing import Annotated

from msgspec import Meta, Struct

from perdure import App, Config, Request

app = App("documented", config=Config(version_header="X-Version", version_query="v"))


class Old(Struct):
    name: str


class Item(Struct, forbid_unknown_fields=True):
    """A thing."""

    name: Annotated[str, Meta(min_length=1)]
    size: int = 1


@app.post("/items", version="v1.0.0", id="items.make")
async def make_old(req: Request[Old]) -> Old:
    """Make a thing, the old way."""
    return req.body


@app.post("/items", version="v2.0.0", id="items.make", status=201, deprecated=True)
async def make(req: Request[Item]) -> Item:
    """Make a thing.

    It is made at once.
    """
    return req.body


@app.get("/items/{number:int}")
async def get(req: Request) -> Item:
    return Item(name=str(req.params["number"]))


other = App("other", config=Config(openapi_path="/internal/api.json", docs_path="/internal/help"))


@other.get("/openapi.json")
async def own() -> str:
    """The app's own."""
    return "mine"


@other.get("/internal/help/docs.js")
async def own_script() -> str:
    return "mine"


silent = App("silent", config=Config(openapi_path=None))
pageless = App("pageless", config=Config(docs_path=None))
