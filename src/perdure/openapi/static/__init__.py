"""What the page of ``/docs`` loads; `STATIC` is the folder."""

from pathlib import Path
from typing import Final

__all__ = ["STATIC"]

STATIC: Final = Path(__file__).parent
