"""GET /languages: the languages and scripts that the loaded models read."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from ocr_engine.errors import PoolStarting
from server.http.handlers.base import BaseHandler

if TYPE_CHECKING:
    from ocr_engine.models.languages import Readable
    from server.http.json_bodies import LanguagesAnswer


class LanguagesHandler(BaseHandler):
    """What can be read, derived from the characters of the recognition model."""

    def get(self) -> None:
        """200, or 503 until the models are loaded."""
        try:
            self.query_fields(())
            info = self.context.service.engine.info
            if info is None:
                raise PoolStarting("the models are still being loaded; try again in a second")
        except Exception as error:
            self.send_problem(error)
            return
        found = _readable(info.characters)
        body: LanguagesAnswer = {
            "status": "success",
            "models": info.models,
            "languages": [
                {"code": each.code, "name": each.name, "scripts": each.scripts}
                for each in found.languages
            ],
            "scripts": [
                {"code": each.code, "name": each.name, "characters": each.characters}
                for each in found.scripts
            ],
            "others": found.others,
            "request_id": self.scope.request_id,
        }
        self.send_json(body)

    head = get


@functools.lru_cache(maxsize=1)
def _readable(characters: str) -> Readable:
    """Takes 30 ms, and needs 2 MiB while it works."""
    from ocr_engine.models.languages import readable  # few requests need it

    return readable(characters.split("\n") if characters else ())
