"""This server, called as PaddleX's clients call PaddleX serving."""

from __future__ import annotations

from peer_servers.contender import ThisServer
from peer_servers.paddlex_serving import PaddleXServing
from tests.support.arrivals import Request

DIALECT = {"dialects": ["paddlex"]}


class OurPaddleX(ThisServer):
    """The same settings as ThisServer, and the dialect of PaddleX."""

    setting = "PaddleX's API"

    def __init__(self) -> None:
        super().__init__()
        self.settings["web_server"] = DIALECT
        self._form = PaddleXServing()

    def request(self, name: str, image: bytes) -> Request:
        """As to PaddleX serving: the image in base64 in a JSON body."""
        return self._form.request(name, image)

    def lines(self, body: bytes) -> list[str]:
        """As of an answer of PaddleX serving."""
        return self._form.lines(body)
