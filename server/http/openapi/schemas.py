"""The named schemas of responses: results, jobs, health and errors."""

from __future__ import annotations

from typing import Any

from ocr_engine.block_json import CellJson, TableJson
from ocr_engine.result_json import BoxJson, TextLineJson, TextPartJson
from server.formats.data_json import DataJson, ShownBlockJson
from server.formats.pages import FailedPageJson, PageJson
from server.formats.render import AnswerJson, FlatAnswerJson, FlatDataJson, LegacyJson
from server.http import batch_bodies, health_bodies, json_bodies
from server.settings.constraints import Schema
from server.users.key_record import KeyBody

COMPONENTS = {
    "Box": BoxJson,
    "TextPart": TextPartJson,
    "TextLine": TextLineJson,
    "Cell": CellJson,
    "Table": TableJson,
    "Block": ShownBlockJson,
    "Result": DataJson,
    "Answer": AnswerJson,
    "LegacyAnswer": LegacyJson,
    "FlatData": FlatDataJson,
    "FlatAnswer": FlatAnswerJson,
    "Page": PageJson,
    "FailedPage": FailedPageJson,
    "DocumentAnswer": json_bodies.DocumentAnswer,
    "Job": json_bodies.JobBody,
    "AcceptedAnswer": json_bodies.AcceptedAnswer,
    "JobList": json_bodies.JobList,
    "JobAnswer": json_bodies.JobAnswer,
    "JobResult": json_bodies.JobResult,
    "FlatJobResult": json_bodies.FlatJobResult,
    "Batch": batch_bodies.BatchBody,
    "AcceptedBatch": batch_bodies.AcceptedBatch,
    "BatchAnswer": batch_bodies.BatchAnswer,
    "BatchList": batch_bodies.BatchList,
    "BatchResults": batch_bodies.BatchResults,
    "UsageCounts": json_bodies.UsageCounts,
    "UsageAnswer": json_bodies.UsageAnswer,
    "Key": KeyBody,
    "LanguagesAnswer": json_bodies.LanguagesAnswer,
    "KeyAnswer": json_bodies.KeyAnswer,
    "KeyListAnswer": json_bodies.KeyListAnswer,
    "SecretAnswer": json_bodies.SecretAnswer,
    "EventsAnswer": json_bodies.EventsAnswer,
    "ModelSet": json_bodies.ModelSetBody,
    "ModelSetsAnswer": json_bodies.ModelSetsAnswer,
    "Liveness": health_bodies.Liveness,
    "Readiness": health_bodies.Readiness,
    "BriefHealth": health_bodies.BriefHealth,
    "Health": health_bodies.Health,
    "ErrorCode": json_bodies.ErrorCode,
    "Error": json_bodies.ErrorBody,
    "KeptAnswer": json_bodies.KeptAnswer,
}


def text(**more: Any) -> Schema:
    """A string."""
    return {"type": "string", **more}


def count() -> Schema:
    """An integer that is not negative."""
    return {"type": "integer", "minimum": 0}
