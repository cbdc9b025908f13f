"""Multipart bodies as they are read: what is left of them in memory."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator

import pytest

from server.intake.body import body_reader
from tests.support.http_client import image_part, multipart


@pytest.fixture
def no_collector() -> Iterator[None]:
    """The garbage collector does not come by."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collector")
def test_nothing_but_its_form_keeps_an_image_that_has_been_read() -> None:
    body, headers = multipart([image_part(bytes(100_000))])
    reader = body_reader(headers["Content-Type"], raw_image=False)
    reader.feed(body)
    form = reader.finish()
    del reader
    references = sys.getrefcount(form.upload)
    assert form.upload is not None
    assert references == 2  # the form's, and the call's own
