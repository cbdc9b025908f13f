"""Lists sources, and notes in the ledger what is new."""

from __future__ import annotations

from collections.abc import Iterable

from server.objects.found import is_usable
from server.objects.ledger import Ledger
from server.objects.sources.source import Source


async def search(
    ledger: Ledger, sources: Iterable[Source], since: float | None = None, again: bool = False
) -> int:
    """Note everything that is new; returns how many objects that are. StoreUnavailable.

    since: only what was modified after this Unix time. again: also what is finished.
    """
    new = 0
    for source in sources:
        async for several in source.found():
            wanted = [
                each
                for each in several
                if is_usable(each.key) and (since is None or (each.modified_at or since) >= since)
            ]
            new += await ledger.note(wanted, again)
    return new
