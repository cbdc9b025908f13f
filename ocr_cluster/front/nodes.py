"""What a front end knows of the nodes: their workers and models, from their heartbeats."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from ocr_cluster import catalogue
from ocr_cluster.catalogue import Catalogue
from ocr_cluster.link import Link
from ocr_cluster.members import BEAT_SECONDS, FrontBeat, Members, beat, leave
from ocr_cluster.redis_link import RedisAway
from ocr_cluster.work import catalogue_name

log = logging.getLogger("server.cluster")


class Nodes:
    """Sends the heartbeat of this front end, and reads those of all others.

    figures: returns the current heartbeat. changed: called when heartbeats have been read.
    """

    def __init__(
        self, state: Link, figures: Callable[[], FrontBeat], changed: Callable[[], None]
    ) -> None:
        self.members = Members()
        self.catalogue: Catalogue | None = None  # of the models that are expected to read
        self._state = state
        self._figures = figures
        self._changed = changed
        self._known: dict[str, Catalogue] = {}

    async def run(self) -> None:
        """Send a heartbeat each second until cancelled."""
        while True:
            try:
                self.members = await beat(self._state, self._figures())
                await self._choose_catalogue()
            except RedisAway:
                pass
            self._changed()
            await asyncio.sleep(BEAT_SECONDS)

    async def leave(self) -> None:
        """Tell the others that this front end stops."""
        try:
            await leave(self._state, self._figures())
        except RedisAway:
            log.info("the other servers will notice in some seconds that this one has stopped")

    async def _choose_catalogue(self) -> None:
        """Expect results of the models that most workers have."""
        slots: dict[str, int] = {}
        for node in self.members.nodes:
            slots[node.catalogue] = slots.get(node.catalogue, 0) + node.slots
        if not any(slots.values()):
            return
        chosen = max(sorted(slots), key=lambda each: slots[each])
        if chosen not in self._known:
            data = await self._state.get(catalogue_name(chosen))
            if data is None:
                return
            self._known[chosen] = catalogue.decode(data)
        if self.catalogue is not self._known[chosen]:
            self.catalogue = self._known[chosen]
            log.info("the nodes read with %s", self.catalogue.info.models)
