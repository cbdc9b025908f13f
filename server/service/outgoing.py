"""Counts the bytes of answers that are being sent; they are not copied."""

from __future__ import annotations

from collections.abc import Iterable

SMALL_BYTES = 4 << 10  # answers up to this size are always sent
LARGE_BYTES = 64 << 10  # larger bodies are sent without a copy, and may be refused

Buffer = bytes | memoryview


class OutgoingBytes:
    """The bytes that clients have not received yet.

    Buffers count with their full size. One that is sent to many clients, such as a cached result,
    counts once. taken: how many bytes of waiting answers clients have received since the start.
    """

    def __init__(self) -> None:
        self.total = 0
        self.taken = 0
        self._held: dict[int, tuple[bytes, int]] = {}  # by identity, because hashing takes too long

    def more(self, buffers: Iterable[Buffer]) -> int:
        """How many bytes these buffers would add."""
        new = {id(each): len(each) for each in map(_whole, buffers) if id(each) not in self._held}
        return sum(new.values())

    def hold(self, buffer: Buffer) -> None:
        """Count a buffer that is being sent, in full or in part."""
        whole = _whole(buffer)
        _, holders = self._held.get(id(whole), (whole, 0))
        self._held[id(whole)] = whole, holders + 1
        if holders == 0:
            self.total += len(whole)

    def release(self, buffer: Buffer) -> None:
        """Stop counting a buffer: the client received it, or disconnected."""
        whole = _whole(buffer)
        _, holders = self._held.pop(id(whole))
        if holders > 1:
            self._held[id(whole)] = whole, holders - 1
        else:
            self.total -= len(whole)


def _whole(buffer: Buffer) -> bytes:
    """The memory behind the buffer."""
    whole = buffer.obj if isinstance(buffer, memoryview) else buffer
    assert isinstance(whole, bytes)
    return whole
