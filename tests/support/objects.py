"""A source, a sink and a recognition for tests of objects, all in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

from ocr_engine.result import Document, Line
from server.objects.errors import ObjectGone, ReadFailure, StoreUnavailable
from server.objects.found import Found
from server.objects.ledger import ObjectRow
from server.objects.result import ObjectResult, Reading, Version
from server.objects.sources.source import OpenedObject
from tests.support.cards import CONFIDENCE
from tests.support.made_pages import image_document

SOURCE = "s3://scans"
BOX = ((0, 0), (40, 0), (40, 9), (0, 9))


@dataclass
class MemorySource:
    """Objects by their keys: their etags and their bytes. away: it does not answer."""

    objects: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    away: bool = False
    name: str = SOURCE
    opened: list[str] = field(default_factory=list)

    def put(self, key: str, text: str, etag: str = "") -> Found:
        """Add an object; its event."""
        self.objects[key] = (etag or f"etag of {text}", text.encode())
        return self.event(key)

    def event(self, key: str, sequencer: str | None = None) -> Found:
        """An event about the version that is there now."""
        etag, data = self.objects[key]
        return Found(self.name, key, etag, len(data), sequencer=sequencer)

    async def found(self) -> AsyncIterator[Sequence[Found]]:
        self._check()
        yield [self.event(key) for key in self.objects]

    async def open(self, key: str) -> OpenedObject:
        self._check()
        self.opened.append(key)
        if key not in self.objects:
            raise ObjectGone(key)
        etag, data = self.objects[key]

        async def read() -> bytes:
            self._check()
            return data

        return OpenedObject(etag, len(data), read)

    def _check(self) -> None:
        if self.away:
            raise StoreUnavailable("the store is away")


@dataclass
class MemorySink:
    """Results by key, with every put. away: it does not answer."""

    results: dict[str, ObjectResult] = field(default_factory=dict)
    puts: list[tuple[str, str]] = field(default_factory=list)
    away: bool = False
    again: list[bool] = field(default_factory=list)

    async def has(self, version: Version) -> bool:
        self._check()
        found = self.results.get(version.key)
        return found is not None and not found.failed and found.version == version

    async def put(self, result: ObjectResult, again: bool) -> None:
        self._check()
        self.results[result.version.key] = result
        self.puts.append((result.version.key, result.version.etag))
        self.again.append(again)

    def close(self) -> None:
        """See Sink."""

    def texts(self) -> dict[str, str]:
        """The texts by key; of errors, their codes."""
        return {
            key: result.record["error"]["code"] if result.failed else result.text
            for key, result in self.results.items()
        }

    def _check(self) -> None:
        if self.away:
            raise StoreUnavailable("the place for results is away")


class Recital:
    """Reads an object as the text of its bytes; `errors` by text: raised as often as listed."""

    def __init__(self) -> None:
        self.errors: dict[str, list[Exception]] = {}
        self.read: list[str] = []
        self.gates: dict[str, asyncio.Event] = {}

    async def __call__(self, opened: OpenedObject, row: ObjectRow) -> Reading:
        text = (await opened.read()).decode()
        self.read.append(text)
        if text in self.gates:
            await self.gates[text].wait()
        if self.errors.get(text):
            raise self.errors[text].pop(0)
        return Reading(document_of(text), "0" * 32, 1.0)

    def fail(self, text: str, code: str, times: int = 1) -> None:
        """Fail with this code, this often."""
        self.errors[text] = [ReadFailure(code, f"because of {code}") for _ in range(times)]


def document_of(text: str) -> Document:
    """A document of one line."""
    return image_document(40, 10, [Line(text, CONFIDENCE, BOX)], 1)
