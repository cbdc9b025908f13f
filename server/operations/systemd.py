"""Notifies systemd that the server is ready, stopping or alive (sd_notify(3))."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Mapping


class SystemdNotifier:
    """Sends to the socket that the environment names; does nothing without one."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        address = environment.get("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        meant_for = environment.get("WATCHDOG_PID", str(os.getpid()))
        watchdog = environment.get("WATCHDOG_USEC", "0") if meant_for == str(os.getpid()) else "0"
        self.watchdog_seconds = int(watchdog) / 1e6 if watchdog.isdigit() else 0.0

    def notify(self, *lines: str) -> None:
        """Send assignments such as READY=1; errors are ignored."""
        if not self._address:
            return
        with (
            contextlib.suppress(OSError),
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel,
        ):
            channel.setblocking(False)
            channel.sendto("\n".join(lines).encode(), self._address)

    async def keep_alive(self) -> None:
        """Send keep-alives from the event loop, twice per watchdog interval."""
        while self.watchdog_seconds:
            self.notify("WATCHDOG=1")
            await asyncio.sleep(self.watchdog_seconds / 2)
