"""Answers on their way to clients: not copied, but counted."""

from __future__ import annotations

from collections.abc import Iterable

LARGE_BYTES = 64 << 10  # a body above it is not copied to be sent, and may have to wait

Buffer = bytes | memoryview


class OutgoingBytes:
    """The bytes that clients have not taken yet.

    Buffers count whole, and one that is sent to many clients, such as a kept result, counts once.
    """

    def __init__(self) -> None:
        self.total = 0
        self._held: dict[int, tuple[bytes, int]] = {}  # by identity: to hash them takes too long

    def more(self, buffers: Iterable[Buffer]) -> int:
        """How many bytes would be added if these were sent, too."""
        new = {id(each): len(each) for each in map(_whole, buffers) if id(each) not in self._held}
        return sum(new.values())

    def hold(self, buffer: Buffer) -> None:
        """A client is being sent this, or a part of it."""
        whole = _whole(buffer)
        _, holders = self._held.get(id(whole), (whole, 0))
        self._held[id(whole)] = whole, holders + 1
        if holders == 0:
            self.total += len(whole)

    def release(self, buffer: Buffer) -> None:
        """A client has taken it, or left."""
        whole = _whole(buffer)
        _, holders = self._held.pop(id(whole))
        if holders > 1:
            self._held[id(whole)] = whole, holders - 1
        else:
            self.total -= len(whole)


def _whole(buffer: Buffer) -> bytes:
    """What is kept in memory for it."""
    whole = buffer.obj if isinstance(buffer, memoryview) else buffer
    assert isinstance(whole, bytes)
    return whole
