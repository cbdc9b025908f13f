"""Events of object stores: which objects were created.

Forms: S3 events as AWS, Ceph, MinIO and RustFS send them, alone or in SNS, SQS or EventBridge; and
the webhook of SeaweedFS. Nothing of an event is ever opened or fetched: it only names objects.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_plus

from server.errors import BadField, BadRequest, truncated
from server.objects.found import plain_etag

MAX_DEPTH = 4  # SNS in SQS in Lambda, and a level to spare
MAX_EVENTS = 10_000
SEQUENCER_DIGITS = 64

_SEQUENCER = re.compile(r"[0-9A-Fa-f]{1,64}")
_ETAG = re.compile(r"[!-~]{1,255}")
_TOPIC = re.compile(r"arn:[\w-]+:sns:[\w-]+:\d+:[\w.-]+", re.ASCII)
_TOKEN = re.compile(r"\w{1,1024}", re.ASCII)
_SEAWEEDFS_BUCKETS = "/buckets/"
_EXPECTED = "expected an event of S3, SNS, SQS, EventBridge or SeaweedFS"


@dataclass(frozen=True, slots=True)
class ObjectEvent:
    """An object that was created or replaced; see Found."""

    bucket: str
    key: str
    etag: str = ""
    size: int | None = None
    sequencer: str | None = None


@dataclass(frozen=True, slots=True)
class Subscription:
    """A topic of SNS that waits for the confirmation of its subscription."""

    topic: str
    token: str


@dataclass(slots=True)
class Events:
    """What a message contains. others: events that create nothing, such as deletions and tests."""

    created: list[ObjectEvent] = field(default_factory=list)
    others: int = 0
    subscriptions: list[Subscription] = field(default_factory=list)


def parse_events(message: Any) -> Events:
    """The events of a message; BadField or BadRequest says what is wrong."""
    events = Events()
    _take(message, events, 0)
    return events


def _take(message: Any, events: Events, depth: int) -> None:
    """Add the events of a message, which may contain other messages as text."""
    if depth > MAX_DEPTH or len(events.created) > MAX_EVENTS:
        raise BadRequest("the message has too many events, or messages in messages")
    if isinstance(message, str):
        message = _parsed(message)
    if not isinstance(message, dict):
        raise BadRequest(f"the message is not a JSON object; {_EXPECTED}")
    if message.get("Type") in ("SubscriptionConfirmation", "UnsubscribeConfirmation"):
        _take_confirmation(message, events)
    elif message.get("Type") == "Notification":
        _take(_text(message, "Message"), events, depth + 1)
    elif isinstance(message.get("Records"), list):
        for number, record in enumerate(message["Records"]):
            _take_record(record, f"Records[{number}]", events, depth)
    elif isinstance(message.get("Messages"), list):  # as `aws sqs receive-message` prints them
        for each in message["Messages"]:
            _take(_text(each, "Body"), events, depth + 1)
    elif "detail-type" in message:
        _take_detail(message, events)
    elif message.get("Event") == "s3:TestEvent":
        events.others += 1
    elif "event_type" in message and "key" in message:
        _take_seaweedfs(message, events)
    else:
        raise BadField(f"Records is missing; {_EXPECTED}")


def _take_record(record: Any, place: str, events: Events, depth: int) -> None:
    if not isinstance(record, dict):
        raise BadField(f"{place} is not an object; {_EXPECTED}")
    if "s3" in record:
        _take_s3(record, place, events)
    elif "body" in record:  # SQS, as Lambda gets it
        _take(_text(record, "body"), events, depth + 1)
    elif isinstance(record.get("Sns"), dict):  # SNS, as Lambda gets it
        _take(_text(record["Sns"], "Message"), events, depth + 1)
    else:
        raise BadField(f"{place}.s3 is missing; {_EXPECTED}")


def _take_s3(record: Mapping[str, Any], place: str, events: Events) -> None:
    version = record.get("eventVersion", "2.0")
    if not isinstance(version, str) or not version.startswith("2."):
        raise BadField(f"{place}.eventVersion = {truncated(version)}: expected 2.x")
    name = str(record.get("eventName", "")).removeprefix("s3:")
    if not name.startswith("ObjectCreated:"):
        events.others += 1
        return
    key = _text(record, "s3", "object", "key")
    # Ceph sends keys as they are; others encode them as forms are, with + for a space.
    if record.get("eventSource") != "ceph:s3":
        key = unquote_plus(key)
    events.created.append(_event(record["s3"], _text(record, "s3", "bucket", "name"), key))


def _take_detail(message: Mapping[str, Any], events: Events) -> None:
    """An event of EventBridge, whose keys are not encoded."""
    if message["detail-type"] != "Object Created":
        events.others += 1
        return
    key = _text(message, "detail", "object", "key")
    bucket = _text(message, "detail", "bucket", "name")
    events.created.append(_event(message["detail"], bucket, key))


def _take_seaweedfs(message: Mapping[str, Any], events: Events) -> None:
    """An event of a path in SeaweedFS, whose buckets are folders."""
    entry = _within(message, "message", "new_entry") or {}
    path = _text(message, "key")
    parent = _within(message, "message", "new_parent_path")
    if message["event_type"] == "rename" and isinstance(parent, str):
        path = f"{parent}/{entry.get('name', '')}"
    bucket, _, key = path.removeprefix(_SEAWEEDFS_BUCKETS).partition("/")
    made = message["event_type"] in ("create", "update", "rename")
    if not made or not path.startswith(_SEAWEEDFS_BUCKETS) or entry.get("is_directory") or not key:
        events.others += 1
        return
    md5 = _within(entry, "attributes", "md5")
    events.created.append(ObjectEvent(bucket, key, _hex(md5)))


def _take_confirmation(message: Mapping[str, Any], events: Events) -> None:
    if message["Type"] == "UnsubscribeConfirmation":
        events.others += 1
        return
    events.subscriptions.append(Subscription(_text(message, "TopicArn"), _text(message, "Token")))


def _event(holder: Mapping[str, Any], bucket: str, key: str) -> ObjectEvent:
    found = _within(holder, "object") or {}
    etag = found.get("eTag", found.get("etag"))
    etag = plain_etag(etag) if isinstance(etag, str) else ""
    size, sequencer = found.get("size"), found.get("sequencer")
    return ObjectEvent(
        bucket,
        key,
        etag if _ETAG.fullmatch(etag) else "",
        size if isinstance(size, int) and 0 <= size < 1 << 63 else None,
        comparable(sequencer) if isinstance(sequencer, str) else None,
    )


def comparable(sequencer: str) -> str | None:
    """A sequencer in a form that can be compared as text; None if it is no hexadecimal number."""
    if not _SEQUENCER.fullmatch(sequencer):
        return None
    return sequencer.upper().zfill(SEQUENCER_DIGITS)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise BadRequest(f"a message in the message is not JSON; {_EXPECTED}") from None


def _within(value: Any, *names: str) -> Any:
    """What is at this place; None if there is nothing."""
    for name in names:
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value


def _text(value: Any, *names: str) -> str:
    found = _within(value, *names)
    if not isinstance(found, str) or not found:
        raise BadField(f"{'.'.join(names)} is missing; {_EXPECTED}")
    return found


def _hex(encoded: Any) -> str:
    try:
        return base64.b64decode(encoded, validate=True).hex()
    except (TypeError, ValueError, binascii.Error):
        return ""


def showable(subscription: Subscription) -> bool:
    """Whether its texts may be shown: the ARN of a topic, and a token of letters and digits."""
    topic, token = subscription.topic, subscription.token
    return bool(_TOPIC.fullmatch(topic) and _TOKEN.fullmatch(token))
