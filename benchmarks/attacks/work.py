"""Findings 5 and 11: jobs that are cancelled as soon as they run, and very many finished jobs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from attacks.attack import Attack, Seen, Target, counted
from costly_images import noise

STORM_THREADS, STORM_SECONDS = 3, 15.0
JOBS, JOB_ROUNDS = 3000, 40
JOB_TIMES, JOB_MS = 3.0, 3.0  # how much slower calls may become; it was 20 times


def cancel_storm(target: Target, seconds: float = STORM_SECONDS) -> Seen:
    """Three clients that cancel each of their jobs as soon as it runs."""
    before, states = target.restarts(), list[str]()
    end = time.monotonic() + seconds

    def attacker(number: int) -> None:
        count = 0
        while time.monotonic() < end:
            count += 1
            states.append(start_and_cancel(target, number << 20 | count))

    threads = [threading.Thread(target=attacker, args=(n,)) for n in range(STORM_THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    target.wait_until_idle()
    after = target.restarts()
    lost = sum(after.values()) - sum(before.values())
    return Seen(f"{counted(states)}; {lost} workers lost", lost == 0 and "cancelled" in states)


def start_and_cancel(target: Target, seed: int) -> str:
    """Start a job, cancel it as soon as it runs; returns what became of it."""
    image = noise(400, 300, seed) + b"%d" % time.time_ns()
    reply = target.upload(image, block_flag="0")
    if reply.status != 202:
        time.sleep(0.1)  # as an attacker would, instead of being refused in a loop
        return str(reply.status)
    url = reply.json["job"]["url"]
    while target.get(url).headers["X-Job-State"] == "queued":
        time.sleep(0.01)
    status = target.request("DELETE", url).status
    return {204: "cancelled", 409: "done before"}.get(status, str(status))


def finished_jobs(target: Target, jobs: int = JOBS) -> Seen:
    """Calls about jobs, with few and with very many finished jobs."""
    image = target.image()
    assert target.upload(image).status == 200
    made: list[str] = []

    def start() -> None:
        reply = target.upload(image, block_flag="0")
        assert reply.status == 202, reply
        made.append(reply.json["job"]["url"])

    calls: dict[str, Callable[[], object]] = {
        "POST": start,
        "GET": lambda: target.get(made[0]),
        "GET of none": lambda: target.get("/jobs/" + "0" * 22),
        "list": lambda: target.get("/jobs"),
        "livez": lambda: target.get("/livez"),
    }
    for _ in range(JOB_ROUNDS):
        start()
    few = {name: _fastest(call) for name, call in calls.items()}
    for _ in range(jobs):
        start()
    many = {name: _fastest(call) for name, call in calls.items()}
    slower = [name for name in calls if many[name] > JOB_TIMES * few[name] + JOB_MS]
    text = ", ".join(f"{name} {few[name]:.1f} -> {many[name]:.1f}" for name in calls)
    return Seen(f"ms with {jobs} jobs: {text}", not slower)


def _fastest(call: Callable[[], object]) -> float:
    """The shortest time of a call in ms, since other load on the machine does not shorten it."""
    times = []
    for _ in range(JOB_ROUNDS):
        started = time.monotonic()
        call()
        times.append((time.monotonic() - started) * 1000)
    return min(times)


ATTACKS = (
    Attack("5", "jobs cancelled as soon as they run", "no worker lost", cancel_storm, False),
    Attack("11", "very many finished jobs", "calls as fast as with few", finished_jobs, False),
)
