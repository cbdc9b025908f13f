"""Rows 1 to 12: workers that die, hang, grow or cannot start."""

from __future__ import annotations

import os
import signal

import pytest

from fake_recognizers import card
from server_process import ServerProcess
from watching import wait_until


@pytest.mark.faults(3)
def test_an_idle_worker_is_killed_50_times(fakes: ServerProcess) -> None:
    for number in range(50):
        for worker in fakes.get("/healthz").json["workers"]:
            if worker["state"] == "ready":
                os.kill(worker["pid"], signal.SIGKILL)
                break
        assert fakes.upload(card(f"idle {number}")).text == f"idle {number}"
    wait_until(lambda: "killed by SIGKILL" in fakes.get("/healthz").json["restarts"], "a count")
