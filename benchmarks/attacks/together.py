"""Findings 1 to 7 at the same time, from three clients."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from http.client import HTTPException
from itertools import count, cycle

from attacks.attack import Attack, Seen, Target, head, held, outcome
from attacks.bodies import LOOKALIKES, MANY, NAMES, Body
from attacks.descriptors import all_connections
from attacks.images import TINY
from attacks.uploads import routes
from attacks.work import start_and_cancel
from costly_images import LOGGING_TIFFS
from image_structures import white_png
from tests.support.greedy_clients import ask

SECONDS = 30.0
IDLE, NON_READERS = 300, 10
MOST_GROWTH_MB = 200.0
LOG_BYTES = 300  # for each request, without the access log
_BODIES: dict[str, Body] = {
    **NAMES,
    "lookalike": LOOKALIKES[r"\r\n--bX"],
    "keys": MANY["900,000 JSON keys"],
}


class Together:
    """Three clients, each with its own findings, for some seconds."""

    def __init__(self, target: Target, seconds: float) -> None:
        self._target = target
        self._end = time.monotonic() + seconds
        self._outcomes: list[str] = []

    def run(self) -> list[str]:
        """Attack until the end; returns the outcomes of all requests that were answered."""
        clients = (self._hold_answers, self._send_bodies, self._start_work)
        threads = [threading.Thread(target=client) for client in clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return self._outcomes

    def _until_end(self, act: Callable[[int], str]) -> None:
        for number in count():
            if time.monotonic() >= self._end:
                return
            try:
                self._outcomes.append(act(number))
            except (OSError, HTTPException, ValueError) as error:
                self._outcomes.append(f"no answer: {type(error).__name__}")

    def _hold_answers(self) -> None:
        """Findings 1, 2 and 7: answers that are not read, and idle connections."""
        requests = routes(self._target)
        port = self._target.port
        with all_connections(port, IDLE), held([]) as connections:
            for request in requests.values():
                for _ in range(NON_READERS):
                    with contextlib.suppress(OSError):
                        connections.append(ask(port, request))
            listing = head("/results/" + "0" * 32, {}, "GET")
            self._until_end(lambda _: self._target.raw(listing, 5)[9:12].decode() or "closed")

    def _send_bodies(self) -> None:
        """Findings 3, 4 and 7: long names, lookalikes, many keys, TIFFs that are logged."""
        bodies = cycle([make() for make in _BODIES.values()])
        tiffs = cycle([make() for make in LOGGING_TIFFS.values()])

        def send(number: int) -> str:
            if number % 2:
                return outcome(self._target.upload(next(tiffs) + b"%d" % number))
            body, content_type = next(bodies)
            headers = {"Content-Type": content_type}
            return outcome(self._target.request("POST", "/ocr", body, headers))

        self._until_end(send)

    def _start_work(self) -> None:
        """Findings 5 and 6: cancelled jobs, and tiny images to be enlarged."""

        def start(number: int) -> str:
            if number % 2:
                return start_and_cancel(self._target, number)
            image = white_png(33, 33) + b"%d %d" % (number, time.time_ns())
            return outcome(self._target.upload(image, block_flag="0", **TINY))

        self._until_end(start)


def all_at_once(target: Target, seconds: float = SECONDS) -> Seen:
    """All of them; the honest clients are watched by the command itself."""
    restarts, start = target.restarts(), target.log_bytes()
    before = most = target.memory_mb()
    running = threading.Thread(target=lambda: outcomes.extend(Together(target, seconds).run()))
    outcomes: list[str] = []
    running.start()
    while running.is_alive():
        most = max(most, target.memory_mb())
        running.join(0.1)
    target.wait_until_idle()
    lost = sum(target.restarts().values()) - sum(restarts.values())
    logged = len(target.messages_since(start)) / max(len(outcomes), 1)
    odd = sorted({each for each in outcomes if each.startswith(("5", "no answer"))} - {"503"})
    text = f"{len(outcomes)} requests, +{most - before:.0f} MiB, {lost} workers lost"
    holds = lost == 0 and most - before < MOST_GROWTH_MB and logged < LOG_BYTES and not odd
    text += f", log {logged:.0f} bytes each"
    return Seen("; ".join([text, *odd]), holds and len(outcomes) > 0)


ATTACKS = (
    Attack(
        "1 to 7",
        "all together, from three clients",
        "others are served, no worker lost",
        all_at_once,
        is_quick=False,
    ),
)
