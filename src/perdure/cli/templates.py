"""The files of a new project; ``{{name}}`` stands for its name."""

__all__ = ["FILES"]

_APP = '''"""{{name}}: an API that keeps its promises."""

from typing import Annotated

from msgspec import Meta, Struct
from perdure import App, LocalContext, Problem, Request

app = App("{{name}}")

GREETINGS = {"en": "Hello", "de": "Hallo", "fr": "Bonjour"}


class Greeting(Struct):
    """What a caller is told."""

    message: str
    language: str


class NewGreeting(Struct):
    """Whom to greet, and how."""

    name: Annotated[str, Meta(min_length=1, max_length=80)]
    language: str = "en"


@app.before
async def note_caller(lctx: LocalContext) -> None:
    """Keep what later steps of this request may want to know."""
    lctx.set("caller", lctx.meta.client)


@app.get("/greetings/{language}")
async def get_greeting(req: Request) -> Greeting:
    """Return the greeting of a language."""
    return greet("world", str(req.params["language"]))


@app.post("/greetings")
async def create_greeting(req: Request[NewGreeting]) -> Greeting:
    """Greet someone."""
    return greet(req.body.name, req.body.language)


def greet(name: str, language: str) -> Greeting:
    """Return the greeting for *name*, or answer 404 for an unknown language."""
    if language not in GREETINGS:
        known = ", ".join(GREETINGS)
        raise Problem(404, f"{language} is not spoken here; try one of {known}")
    return Greeting(message=f"{GREETINGS[language]}, {name}!", language=language)
'''

_TEST = '''"""The API as its clients see it."""

import asyncio

import httpx

from app import app


def ask(method: str, path: str, body: object = None) -> httpx.Response:
    """Send one request to the app, in this process."""

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://test"
        ) as client:
            return await client.request(method, path, json=body)

    return asyncio.run(send())


def test_a_known_language_is_greeted_in() -> None:
    answer = ask("GET", "/greetings/fr")
    assert answer.status_code == 200
    assert answer.json() == {"message": "Bonjour, world!", "language": "fr"}


def test_an_unknown_language_is_a_problem() -> None:
    answer = ask("GET", "/greetings/xx")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_greeting_without_a_name_is_refused_with_its_place() -> None:
    answer = ask("POST", "/greetings", {"name": ""})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"] == "/name"
'''

_PYPROJECT = """[project]
name = "{{name}}"
version = "0.1.0"
requires-python = ">=3.11"
dependencies = ["perdure"]

[dependency-groups]
test = ["perdure[check]", "pytest>=8", "httpx>=0.27"]

[tool.perdure]
app = "app.py"

[tool.pytest.ini_options]
pythonpath = ["."]
testpaths = ["tests"]
"""

_README = """# {{name}}

```console
$ perdure dev                          # serve on http://127.0.0.1:8000, reload on change
$ curl http://127.0.0.1:8000/greetings/fr
$ python -m pytest                     # needs pytest and httpx
```

- `app.py` holds the handlers: they know only the newest shape of the API.
- `revisions/` holds what was published, so that older clients go on working.
- `perdure routes` lists what is served.

Before you publish, and at every change clients would notice after that:

```console
$ perdure revision -m "What changed"   # record it; most of the converter is written for you
$ perdure check                        # prove it on generated values; needs perdure[check]
```
"""

_GITIGNORE = """__pycache__/
.venv/
.pytest_cache/
.hypothesis/
.perdure/
.env
"""

FILES = {
    "app.py": _APP,
    "revisions/.gitkeep": "",
    "tests/test_app.py": _TEST,
    "pyproject.toml": _PYPROJECT,
    "README.md": _README,
    ".gitignore": _GITIGNORE,
}
"""Text by path."""
