"""Events of object stores in all their forms; nothing in them is believed or opened."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from server.errors import BadField, BadRequest
from server.objects.events import ObjectEvent, comparable, parse_events, showable

ETAG = "d41d8cd98f00b204e9800998ecf8427e"


def record(key: str = "in/page+1.png", **more: Any) -> dict[str, Any]:
    """A record as AWS sends it."""
    return {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": "eu-central-1",
        "eventTime": "2026-11-30T08:00:00.000Z",
        "eventName": "ObjectCreated:Put",
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "ocr",
            "bucket": {"name": "scans", "arn": "arn:aws:s3:::scans"},
            "object": {"key": key, "size": 7, "eTag": ETAG, "sequencer": "0055AED6DCD90281E5"},
        },
        **more,
    }


PAGE = ObjectEvent("scans", "in/page 1.png", ETAG, 7, comparable("0055AED6DCD90281E5"))
S3 = {"Records": [record()]}
SNS = {"Type": "Notification", "TopicArn": "arn:aws:sns:eu:1:t", "Message": json.dumps(S3)}
EVENT_BRIDGE = {
    "version": "0",
    "detail-type": "Object Created",
    "source": "aws.s3",
    "detail": {
        "version": "0",
        "bucket": {"name": "scans"},
        "object": {
            "key": "in/page 1.png",
            "size": 7,
            "etag": ETAG,
            "sequencer": "0055AED6DCD90281E5",
        },
        "reason": "PutObject",
    },
}


@pytest.mark.parametrize(
    "message",
    [
        S3,
        SNS,
        EVENT_BRIDGE,
        {"Records": [{"messageId": "1", "body": json.dumps(S3), "eventSource": "aws:sqs"}]},
        {"Records": [{"messageId": "1", "body": json.dumps(SNS), "eventSource": "aws:sqs"}]},
        {"Records": [{"body": json.dumps(EVENT_BRIDGE), "eventSource": "aws:sqs"}]},
        {"Records": [{"EventSource": "aws:sns", "Sns": {"Message": json.dumps(S3)}}]},
        {"Messages": [{"MessageId": "1", "Body": json.dumps(S3)}]},
        {"EventName": "s3:ObjectCreated:Put", "Key": "scans/in/page 1.png", **S3},
    ],
    ids=[
        "S3", "SNS", "EventBridge", "SQS", "SNS in SQS", "EventBridge in SQS", "SNS for Lambda",
        "received from SQS", "MinIO",
    ],
)  # fmt: skip
def test_a_form_is_understood(message: Any) -> None:
    events = parse_events(message)
    assert (events.created, events.others, events.subscriptions) == ([PAGE], 0, [])


@pytest.mark.parametrize("name", ["ObjectCreated:Put", "s3:ObjectCreated:CompleteMultipartUpload"])
@pytest.mark.parametrize("version", ["2.0", "2.6"])
def test_every_version_2_and_every_way_to_create_is_understood(name: str, version: str) -> None:
    message = {"Records": [record(eventName=name, eventVersion=version)]}
    assert parse_events(message).created == [PAGE]


@pytest.mark.parametrize(
    ("source", "key", "expected"),
    [
        ("aws:s3", "in/a+b%2Bc%C3%A4%2F1.png", "in/a b+cä/1.png"),
        ("minio:s3", "in%2Fa+b.png", "in/a b.png"),
        ("ceph:s3", "in/a+b %41.png", "in/a+b %41.png"),
    ],
)
def test_keys_are_decoded_as_each_store_encodes_them(source: str, key: str, expected: str) -> None:
    (event,) = parse_events({"Records": [record(key, eventSource=source)]}).created
    assert event.key == expected


def test_a_key_of_event_bridge_is_not_encoded() -> None:
    message = json.loads(json.dumps(EVENT_BRIDGE))
    message["detail"]["object"]["key"] = "in/a+b %41.png"
    assert parse_events(message).created[0].key == "in/a+b %41.png"


@pytest.mark.parametrize(
    "message",
    [
        {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "scans"},
        {"Records": [record(eventName="ObjectRemoved:Delete")]},
        {"Records": [record(eventName="s3:ObjectRestore:Post")]},
        {**EVENT_BRIDGE, "detail-type": "Object Deleted"},
        {"Type": "UnsubscribeConfirmation", "TopicArn": "arn:aws:sns:eu:1:t", "Token": "1"},
        {"key": "/buckets/scans/in/a.png", "event_type": "delete", "message": {}},
        {
            "key": "/buckets/scans/in",
            "event_type": "create",
            "message": {"new_entry": {"name": "in", "is_directory": True}},
        },
        {"key": "/etc/seaweedfs/a.png", "event_type": "create", "message": {}},
    ],
)
def test_what_creates_no_object_is_counted_apart(message: Any) -> None:
    events = parse_events(message)
    assert (events.created, events.others) == ([], 1)


def seaweedfs(event_type: str, **message: Any) -> dict[str, Any]:
    entry = {"name": "a b.png", "attributes": {"md5": base64.b64encode(bytes(16)).decode()}}
    return {
        "key": "/buckets/scans/in/a b.png",
        "event_type": event_type,
        "message": {"new_entry": entry, **message},
    }


@pytest.mark.parametrize("event_type", ["create", "update"])
def test_an_event_of_seaweedfs_names_bucket_and_key_by_its_path(event_type: str) -> None:
    (event,) = parse_events(seaweedfs(event_type)).created
    assert event == ObjectEvent("scans", "in/a b.png", "0" * 32)


def test_a_renamed_object_of_seaweedfs_is_at_its_new_place() -> None:
    message = seaweedfs("rename", new_parent_path="/buckets/scans/done")
    message["key"] = "/buckets/scans/in/old.png"
    (event,) = parse_events(message).created
    assert event.key == "done/a b.png"


def test_the_version_is_unknown_without_a_sound_etag() -> None:
    for etag in ("", "\ud800", "x" * 256, 7, None):
        message = {"Records": [record()]}
        message["Records"][0]["s3"]["object"]["eTag"] = etag
        assert parse_events(message).created[0].etag == ""


def test_quotes_and_a_mark_around_an_etag_do_not_count() -> None:
    message = {"Records": [record()]}
    for written in (f'"{ETAG}"', f'W/"{ETAG}"'):
        message["Records"][0]["s3"]["object"]["eTag"] = written
        assert parse_events(message).created[0].etag == ETAG


def test_sequencers_of_different_lengths_can_be_compared() -> None:
    short, long = comparable("FF"), comparable("0100")
    assert short is not None
    assert long is not None
    assert short < long
    assert comparable("later") is None


@pytest.mark.parametrize(
    ("message", "error", "words"),
    [
        ([], BadRequest, "not a JSON object"),
        ({}, BadField, "Records is missing"),
        ({"Records": ["x"]}, BadField, "Records[0] is not an object"),
        ({"Records": [{"dynamodb": {}}]}, BadField, "Records[0].s3 is missing"),
        ({"Records": [record(eventVersion="3.0")]}, BadField, "Records[0].eventVersion = 3.0"),
        ({"Records": [record(s3={"bucket": {}})]}, BadField, "s3.object.key is missing"),
        ({"Records": [record(key="")]}, BadField, "s3.object.key is missing"),
        ({"Records": [{"body": "{"}]}, BadRequest, "not JSON"),
        ({"Type": "Notification"}, BadField, "Message is missing"),
        ({"Type": "SubscriptionConfirmation"}, BadField, "TopicArn is missing"),
    ],
)
def test_a_message_that_is_no_event_is_refused_with_the_place(
    message: Any, error: type[Exception], words: str
) -> None:
    with pytest.raises(error) as raised:
        parse_events(message)
    assert words in str(raised.value)


def test_messages_in_messages_have_an_end() -> None:
    message: Any = S3
    for _ in range(10):
        message = {"Type": "Notification", "Message": json.dumps(message)}
    with pytest.raises(BadRequest, match="messages in messages"):
        parse_events(message)


def test_a_subscription_is_shown_only_if_its_texts_are_harmless() -> None:
    message = {
        "Type": "SubscriptionConfirmation",
        "TopicArn": "arn:aws:sns:eu-central-1:123456789012:scans",
        "Token": "2336412f37",
        "SubscribeURL": "http://127.0.0.1:9/?Action=ConfirmSubscription",
    }
    (subscription,) = parse_events(message).subscriptions
    assert showable(subscription)
    for name in ("TopicArn", "Token"):
        (other,) = parse_events({**message, name: "a; rm -rf /"}).subscriptions
        assert not showable(other)
