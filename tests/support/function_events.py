"""Events as cloud platforms send them to functions; fields that nobody reads are left out."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

CLIENT = "198.51.100.7"
HOST = "abc123.execute-api.eu-west-1.amazonaws.com"

Pairs = Sequence[tuple[str, str]]
Event = dict[str, Any]
MakeEvent = Callable[..., Event]


def gateway_v1(
    method: str, path: str, query: str = "", headers: Pairs = (), body: bytes = b""
) -> Event:
    """API Gateway, payload format 1.0, of the stage `test`; queries are decoded."""
    sent = [("Host", HOST), ("X-Forwarded-For", f"203.0.113.1, {CLIENT}"), *headers]
    pairs = parse_qsl(query, keep_blank_values=True)
    return {
        "resource": "/{proxy+}",
        "path": path,
        "httpMethod": method,
        "headers": dict(sent),
        "multiValueHeaders": several(sent),
        "queryStringParameters": dict(pairs) or None,
        "multiValueQueryStringParameters": several(pairs) or None,
        "requestContext": {
            "stage": "test",
            "path": f"/test{path}",
            "httpMethod": method,
            "identity": {"sourceIp": CLIENT},
        },
        **encoded(body),
    }


def gateway_v2(
    method: str,
    path: str,
    query: str = "",
    headers: Pairs = (),
    body: bytes = b"",
    stage: str = "test",
) -> Event:
    """API Gateway, payload format 2.0; with the stage `$default`, there is none in the path."""
    in_path = "" if stage == "$default" else f"/{stage}"
    sent = [("host", HOST), ("x-forwarded-for", f"203.0.113.1, {CLIENT}")]
    sent += [(name.lower(), value) for name, value in headers if name.lower() != "cookie"]
    cookies = [value for name, value in headers if name.lower() == "cookie"]
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": in_path + path,
        "rawQueryString": query,
        **({"cookies": cookies} if cookies else {}),
        "headers": {name: ",".join(values) for name, values in several(sent).items()},
        "requestContext": {
            "stage": stage,
            "http": {"method": method, "path": in_path + path, "sourceIp": CLIENT},
        },
        **encoded(body),
    }


def function_url(
    method: str, path: str, query: str = "", headers: Pairs = (), body: bytes = b""
) -> Event:
    """The URL of a function."""
    return gateway_v2(method, path, query, headers, body, stage="$default")


def balancer(
    method: str, path: str, query: str = "", headers: Pairs = (), body: bytes = b""
) -> Event:
    """A load balancer, with single values; the last one of several is in the event."""
    event = balancer_several(method, path, query, headers, body)
    event["headers"] = {name: values[-1] for name, values in event.pop("multiValueHeaders").items()}
    event["queryStringParameters"] = {
        name: values[-1] for name, values in event.pop("multiValueQueryStringParameters").items()
    }
    return event


def balancer_several(
    method: str, path: str, query: str = "", headers: Pairs = (), body: bytes = b""
) -> Event:
    """A load balancer with several values; queries are as they were sent."""
    sent = [("host", "ocr.example.com"), ("x-forwarded-for", f"203.0.113.1, {CLIENT}")]
    sent += [(name.lower(), value) for name, value in headers]
    pairs = [pair.partition("=")[::2] for pair in query.split("&") if pair]
    return {
        "requestContext": {"elb": {"targetGroupArn": "arn:aws:elasticloadbalancing:…"}},
        "httpMethod": method,
        "path": path,
        "multiValueQueryStringParameters": several(pairs),
        "multiValueHeaders": several(sent),
        **encoded(body),
    }


HTTP: Mapping[str, MakeEvent] = {
    "API Gateway, 1.0": gateway_v1,
    "API Gateway, 2.0": gateway_v2,
    "function URL": function_url,
    "load balancer": balancer,
    "load balancer, several values": balancer_several,
}


def s3_event(bucket: str, key: str) -> Event:
    """An object was put into a bucket; key: quoted, as S3 does it."""
    return {
        "Records": [
            {
                "eventVersion": "2.1",
                "eventSource": "aws:s3",
                "awsRegion": "eu-west-1",
                "eventTime": "2026-11-30T12:00:00.000Z",
                "eventName": "ObjectCreated:Put",
                "s3": {
                    "s3SchemaVersion": "1.0",
                    "bucket": {"name": bucket, "arn": f"arn:aws:s3:::{bucket}"},
                    "object": {
                        "key": key,
                        "size": 1024,
                        "eTag": "d41d8cd98f00b204e9800998ecf8427e",
                        "sequencer": "0A1B2C3D4E5F678901",
                    },
                },
            }
        ]
    }


def oss_event(bucket: str, key: str) -> Event:
    """The same of Alibaba Cloud, where the key is not quoted."""
    return {
        "events": [
            {
                "eventName": "ObjectCreated:PutObject",
                "eventSource": "acs:oss",
                "eventTime": "2026-11-30T12:00:00.000Z",
                "eventVersion": "1.0",
                "oss": {
                    "bucket": {"arn": f"acs:oss:cn-hangzhou:1:{bucket}", "name": bucket},
                    "object": {
                        "key": key,
                        "size": 1024,
                        "eTag": "D41D8CD98F00B204E9800998ECF8427E",
                    },
                    "ossSchemaVersion": "1.0",
                    "ruleId": "1",
                },
                "region": "cn-hangzhou",
            }
        ]
    }


def schedule_event() -> Event:
    """A schedule of EventBridge."""
    return {
        "version": "0",
        "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa",
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "time": "2026-11-30T02:30:00Z",
        "region": "eu-west-1",
        "resources": ["arn:aws:events:eu-west-1:123456789012:rule/nightly"],
        "detail": {},
    }


def timer_event() -> Event:
    """A timer of Function Compute."""
    return {"triggerTime": "2026-11-30T02:30:00Z", "triggerName": "nightly", "payload": ""}


def encoded(body: bytes) -> Event:
    """A body as AWS sends it: text as it is, everything else in base64."""
    try:
        return {"body": body.decode() or None, "isBase64Encoded": False}
    except UnicodeDecodeError:
        return {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}


def several(pairs: Pairs) -> dict[str, list[str]]:
    """All values of each name."""
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found
