"""Errors of the APIs of other servers: where their clients look for the code and the message."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from tests.support.http_client import Reply

ALWAYS_200 = ("hubserving", "umi-ocr", "baidu", "ocrspace")


class Told(NamedTuple):
    """What an error tells. code: in the terms of the API; None if it has none."""

    code: object
    message: str


def error_in(reply: Reply, dialect: str) -> Told:
    """The error in the form of the dialect; fails if the answer has another form."""
    found = _READERS[dialect](reply.json, reply)
    assert isinstance(found.message, str) and found.message, reply.body
    return found


def _paddlex(answer: Any, reply: Reply) -> Told:
    assert answer["errorCode"] == reply.status and answer["logId"]
    assert list(answer) == ["logId", "errorCode", "errorMsg"]
    return Told(answer["errorCode"], answer["errorMsg"])


def _jobs(answer: Any, reply: Reply) -> Told:
    if reply.status == 200:
        assert answer["code"] == 0
        return Told(answer["data"]["state"], answer["data"]["errorMsg"])
    assert answer["code"] == reply.status
    return Told(answer["code"], answer["msg"])


def _hubserving(answer: Any, reply: Reply) -> Told:
    assert list(answer) == ["msg", "results", "status"]
    failed = answer["status"] != "000"  # otherwise an image that cannot be read has no lines
    assert answer["results"] == ("" if failed else [[]])
    return Told(answer["status"], answer["msg"])


def _fastapi(answer: Any, reply: Reply) -> Told:
    detail = answer["detail"]
    if isinstance(detail, str):
        return Told(None, detail)
    assert reply.status == 422 and {"type", "loc", "msg"} == set(detail[0])
    return Told(detail[0]["type"], detail[0]["msg"])


def _umi(answer: Any, _: Reply) -> Told:
    assert answer["code"] > 101
    return Told(answer["code"], answer["data"])


def _openai(answer: Any, _: Reply) -> Told:
    error = answer["error"]
    assert set(error) == {"message", "type", "param", "code"}
    return Told(error["code"], error["message"])


def _mistral(answer: Any, reply: Reply) -> Told:
    if reply.status == 422:
        return _fastapi(answer, reply)
    assert answer["object"] == "error"
    return Told(answer["code"], answer["message"])


def _azure(answer: Any, reply: Reply) -> Told:
    if reply.status == 200:
        assert answer["status"] == "failed"
    error = answer["error"]
    assert (answer["code"], answer["message"]) == (error["code"], error["message"])
    return Told(error["code"], error["message"])


def _baidu(answer: Any, _: Reply) -> Told:
    assert isinstance(answer["error_code"], int)
    return Told(answer["error_code"], answer["error_msg"])


def _ocrspace(answer: Any, reply: Reply) -> Told:
    if reply.status in (403, 429):  # its client takes a text in JSON as the error
        return Told(None, answer)
    assert answer["IsErroredOnProcessing"] is True and answer["ParsedResults"] == []
    return Told(answer["OCRExitCode"], answer["ErrorMessage"][0])


def _kserve(answer: Any, _: Reply) -> Told:
    assert list(answer) == ["error"]
    return Told(None, answer["error"])


def _crnn(answer: Any, _: Reply) -> Told:
    assert answer["success"] is False
    return Told(None, answer["error"])


_READERS: dict[str, Callable[[Any, Reply], Told]] = {
    "paddlex": _paddlex,
    "paddleocr-jobs": _jobs,
    "hubserving": _hubserving,
    "rapidocr": _fastapi,
    "umi-ocr": _umi,
    "openai": _openai,
    "mistral": _mistral,
    "open-webui": _fastapi,
    "azure-read": _azure,
    "azure-vision": _azure,
    "azure-documents": _azure,
    "baidu": _baidu,
    "ocrspace": _ocrspace,
    "kserve": _kserve,
    "crnn": _crnn,
}
