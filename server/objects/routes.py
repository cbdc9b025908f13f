"""From the names of places to sources and sinks."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from server.database.database import Database
from server.formats.rendering import Rendering
from server.objects.result import suffix_of
from server.objects.sinks.sink import Sink
from server.objects.sources.source import Source
from server.settings.places import SCHEME, kind_of_results, parse_bucket_place, with_bucket
from server.settings.storage_settings import StorageSettings


@dataclass(frozen=True, slots=True)
class Route:
    """Where objects are, and where their results go."""

    source: Source
    sinks: Sequence[Sink]


@dataclass(frozen=True, slots=True)
class SinkMaker:
    """Makes sinks from the names of places. resolve: for paths. clock: Unix seconds."""

    settings: StorageSettings
    rendering: Rendering
    database: Database
    resolve: Callable[[Path], Path]
    clock: Callable[[], float] = time.time

    def make(self, text: str) -> Sink:
        """The sink of a place."""
        kind = kind_of_results(text)
        if kind == "bucket":
            from server.objects.bucket import open_bucket
            from server.objects.sinks.bucket import BucketSink

            place, suffix = parse_bucket_place(text), suffix_of(self.rendering)
            return BucketSink(open_bucket(place.bucket, self.settings), place.prefix, suffix)
        if kind == "database":
            from server.objects.sinks.database import DatabaseSink

            return DatabaseSink(self.database, self.clock)
        path = self.resolve(Path(text))
        if kind == "lines":
            from server.objects.sinks.json_lines import JsonLinesSink

            return JsonLinesSink(path)
        from server.objects.sinks.folder import FolderSink

        return FolderSink(path)


def make_routes(
    sources: Iterable[Source], results: Sequence[str], make: Callable[[str], Sink]
) -> dict[str, Route]:
    """A route for each source, by its name; the same place is the same sink in all of them."""
    sinks: dict[str, Sink] = {}
    routes = {}
    for source in sources:
        texts = [with_bucket(text, source.name.removeprefix(SCHEME)) for text in results]
        for text in texts:
            if text not in sinks:
                sinks[text] = make(text)
        routes[source.name] = Route(source, [sinks[text] for text in texts])
    return routes
