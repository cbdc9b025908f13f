"""An S3 server for the tests of objects."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.object_stores import SeaweedFS


@pytest.fixture(scope="session")
def _seaweedfs() -> Iterator[SeaweedFS]:
    with SeaweedFS() as server:
        yield server


@pytest.fixture
def seaweedfs(_seaweedfs: SeaweedFS) -> SeaweedFS:
    """The server, with empty buckets."""
    _seaweedfs.empty()
    return _seaweedfs
