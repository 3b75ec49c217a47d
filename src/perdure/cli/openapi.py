"""`perdure openapi`: the OpenAPI document of a version of an app, as JSON or YAML."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from perdure.cli.console import complain, say, unknown_version
from perdure.cli.plan import EXIT_FAILED, EXIT_OK, EXIT_USAGE
from perdure.errors import UnknownVersionError

if TYPE_CHECKING:
    from perdure.app import App

__all__ = ["Format", "write_document"]

Format = Literal["json", "yaml"]
"""How a document is spelt."""


def write_document(
    app: "App", version: str | None, form: Format | None, output: Path | None, servers: tuple[str, ...]
) -> int:
    """Write the document of *version* to *output*, else to stdout; return the exit code.

    Args:
        app: What is described.
        version: Anything a client may ask for; None for what one gets that asks for nothing.
        form: How it is spelt; by default as the name of *output* says, else as JSON.
        output: A file, replaced if it is there.
        servers: URLs below which the paths lie.
    """
    try:
        document = app.openapi(version)
    except UnknownVersionError as error:
        complain(unknown_version(error))
        return EXIT_USAGE
    if servers:
        document = {**document, "servers": [{"url": url} for url in servers]}
    if form is None:
        form = "yaml" if output is not None and output.suffix.lower() in {".yaml", ".yml"} else "json"
    text = _yaml(document) if form == "yaml" else msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"
    if output is None:
        # Not through `print`: documents are UTF-8 whatever the locale says.
        sys.stdout.flush()
        sys.stdout.buffer.write(text)
        sys.stdout.buffer.flush()
        return EXIT_OK
    try:
        output.write_bytes(text)
    except OSError as error:
        complain(f"{output} cannot be written: {error.strerror or error}")
        return EXIT_FAILED
    say(f"wrote {output}")
    return EXIT_OK


def _yaml(document: dict[str, object]) -> bytes:
    """Return *document* as YAML that means the same by the rules of its versions 1.1 and 1.2."""
    import yaml

    from perdure.openapi.yaml12 import resolve

    class Dumper(yaml.SafeDumper):
        def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - anchors would only confuse who reads
            return True

        def represent_text(self, text: str) -> yaml.ScalarNode:
            style = None if isinstance(resolve(text), str) else "'"
            return self.represent_scalar("tag:yaml.org,2002:str", text, style=style)

    Dumper.add_representer(str, Dumper.represent_text)
    text = yaml.dump(document, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=100)
    return str(text).encode()
