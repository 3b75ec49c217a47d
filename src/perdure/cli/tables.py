"""Tables for people: columns as wide as what is in them, headings above."""

from collections.abc import Sequence

from rich.text import Text

from perdure.cli.console import output

__all__ = ["print_table"]


def print_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print *rows* to stdout below *headings*; columns that are empty throughout are left out."""
    kept = [place for place in range(len(headings)) if not rows or any(row[place] for row in rows)]
    chosen = [[row[place] for place in kept] for row in (headings, *rows)]
    widths = [max(map(len, column)) for column in zip(*chosen, strict=True)]
    console = output()
    for number, row in enumerate(chosen):
        style = "dim" if number == 0 else ""
        line = Text("  ").join(Text(cell.ljust(width), style) for cell, width in zip(row, widths, strict=True))
        line.rstrip()
        console.print(line)
