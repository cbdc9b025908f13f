"""Builds what the server needs to read objects; imported if storage.watch is set."""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Callable, Sequence

from ocr_engine.engine import Engine
from server.database.database import Database
from server.database.storage import Storage
from server.formats.rendering import Rendering
from server.intake.request_fields import parse_options
from server.jobs.record import JobError
from server.objects.bucket import open_bucket
from server.objects.feed import FeedParts, ObjectFeed
from server.objects.ledger import Ledger
from server.objects.routes import SinkMaker, make_routes
from server.objects.serving import ServiceRecognition, counting
from server.objects.sources.bucket import BucketSource
from server.objects.work import ObjectWork
from server.service.service import OcrService
from server.settings.engine import default_options
from server.settings.places import BucketPlace
from server.settings.settings import Settings
from server.users.usage import Usage

LEDGER = "server"


def build_feed(
    settings: Settings,
    places: Sequence[BucketPlace],
    storage: Storage,
    service: OcrService,
    usage: Usage,
    explain: Callable[[BaseException], JobError],
    clock: Callable[[], float],
) -> ObjectFeed:
    """What reads the objects in these places. explain: turns an error into what clients see."""

    def make(database: Database) -> FeedParts:
        rendering = Rendering(format=settings.storage.format)
        options = parse_options({}, default_options(settings), rendering)
        recognize = ServiceRecognition(
            service,
            options,
            rendering,
            settings.storage.weight,
            int(settings.web_server.max_body_mb * (1 << 20)),
            explain,
        )
        sources = _sources(settings, places)
        sinks = SinkMaker(settings.storage, rendering, database, settings.resolve, clock)
        ledger = Ledger(database, LEDGER, clock)
        work = ObjectWork(
            ledger,
            make_routes(sources, settings.storage.results, sinks.make),
            recognize,
            rendering,
            functools.partial(_room, service.engine),
            counted=counting(usage),
        )
        return FeedParts(ledger, {each.name: each for each in sources}, work)

    return ObjectFeed(storage, make, settings.storage.list_seconds)


def _sources(settings: Settings, places: Sequence[BucketPlace]) -> list[BucketSource]:
    prefixes: dict[str, list[str]] = defaultdict(list)
    for place in places:
        prefixes[place.bucket].append(place.prefix)
    return [
        BucketSource(open_bucket(name, settings.storage), several, settings.storage.suffixes)
        for name, several in prefixes.items()
    ]


def _room(engine: Engine) -> int:
    """How many objects are worked on: read by each worker, waiting, fetched, and put."""
    return 2 + engine.capacity + engine.capacity // 2 if engine.ready() else 0
