"""Each kind of store, for the contract."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from perdure.store.base import Store
from tests.store.places import KINDS, Place, close_all, place_of


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    """Close what the test opened."""
    yield
    close_all()


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """A database of each kind, empty."""
    found = place_of(request.param, tmp_path)
    yield found
    found.close()


@pytest.fixture
def store(place: Place) -> Store:
    """An empty store of each kind."""
    return place.open()
