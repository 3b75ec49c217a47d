"""What tests of identity use."""

from collections.abc import Iterator

import pytest

from tests.identity.issuers import Issuer, serving


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    """A server that answers as it is told."""
    with serving() as running:
        yield running
