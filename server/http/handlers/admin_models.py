"""/admin/models: the model sets, and the choice of the default, with a key of the scope `admin`."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from ocr_engine.errors import ModelError, UnknownModels
from server.errors import BadField, Conflict, unknown_field
from server.http.handlers.json_body import JsonBodyHandler
from server.http.replies import json_reply
from server.intake.fields import checked
from server.settings.model_sets import SetName
from server.settings.named_sets import without_folders

if TYPE_CHECKING:
    from server.http.json_bodies import ModelSetsAnswer

NOT_STORED = {"Cache-Control": "no-store"}
FIELDS = {"use": SetName()}

log = logging.getLogger("server.models")


class AdminModelsHandler(JsonBodyHandler):
    """The model sets that requests may name."""

    needs = "admin"

    def get(self) -> None:
        """All sets, and in how many workers each is loaded."""
        try:
            self.query_fields(())
            self._send_sets()
        except Exception as error:
            self.send_problem(error)

    async def post(self) -> None:
        """Make a set the default: 200 once a worker has loaded it; the other workers follow."""
        try:
            self.query_fields(())
            await self._use(self._name())
            self._send_sets()
        except Exception as error:
            self.send_problem(error)

    def _name(self) -> str:
        fields = self.json_fields()
        for name in fields:
            if name not in FIELDS:
                raise BadField(unknown_field(name, tuple(FIELDS)))
        if "use" not in fields:
            raise BadField("use is missing; send the name of a model set")
        chosen: str = checked("use", fields["use"], FIELDS["use"])
        return chosen

    async def _use(self, name: str) -> None:
        """Switch to a set, unless it is the default and its files are the same."""
        engine = self.context.service.engine
        try:
            chosen = await asyncio.to_thread(self.context.find_models, name)
            default = engine.models.default
            if (chosen.name, chosen.fingerprint) == (default.name, default.fingerprint):
                return
            await engine.use_models(chosen)
        except UnknownModels:
            raise
        except ModelError as error:
            log.error("the models %s cannot be used: %s", name, error.message)
            raise Conflict(
                f"the models {name} cannot be used, so nothing has changed: "
                f"{without_folders(self.context.settings, error.message)}"
            ) from None
        self.scope.audit("models_changed", name)
        log.info(
            "%s uses the models %s, request %s",
            self.scope.principal.user, name, self.scope.request_id,
        )  # fmt: skip

    def _send_sets(self) -> None:
        engine = self.context.service.engine
        models, stats = engine.models, engine.stats()
        answer: ModelSetsAnswer = {
            "status": "success",
            "sets": [
                {
                    "name": each.name,
                    "default": each is models.default,
                    "models": each.models,
                    "fingerprint": each.fingerprint,
                    "workers": sum(each.name in worker.models for worker in stats.workers),
                }
                for each in models.every()
            ],
            "to_be_replaced": stats.outdated,
            "request_id": self.scope.request_id,
        }
        self.send(json_reply(answer, 200, NOT_STORED))
