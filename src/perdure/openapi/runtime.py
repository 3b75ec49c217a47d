"""How a document marks what no author declared."""

from typing import Final

__all__ = ["RUNTIME"]

RUNTIME: Final = "x-runtime"
"""Marks what Perdure itself adds to a document. It is no part of the `Api`, so reading leaves it out."""
