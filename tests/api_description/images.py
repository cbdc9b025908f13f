"""What schemathesis needs in addition to the description: images, and what no schema can say."""

from __future__ import annotations

import base64
from typing import Any

import schemathesis
from hypothesis import strategies

from tests.support.cards import card
from tests.support.live_server import ADMIN_KEY

IMAGES = [
    card("a line"),
    card("two lines\nof text", "TIFF"),
    card("<img src=x onerror=alert(1)>"),
    card(""),
]
MEDIA_TYPES = ("image/jpeg", "image/png", "image/*", "application/octet-stream")

images = strategies.sampled_from(IMAGES)
schemathesis.openapi.format("binary", images)
schemathesis.openapi.format("byte", images.map(lambda data: base64.b64encode(data).decode()))
for media_type in MEDIA_TYPES:
    schemathesis.openapi.media_type(media_type, images)


@schemathesis.auth()
class OperatorsKey:
    """The key that the server has in its settings, so that /admin can be reached."""

    def get(self, case: schemathesis.Case[Any], context: schemathesis.AuthContext) -> str:
        """The key."""
        return ADMIN_KEY

    def set(
        self, case: schemathesis.Case[Any], data: str, context: schemathesis.AuthContext
    ) -> None:
        """Send it, and no other."""
        case.headers.pop("Authorization", None)
        case.headers["X-Api-Key"] = data


@schemathesis.hook
def filter_case(context: schemathesis.HookContext, case: schemathesis.Case[Any]) -> bool:
    """Drop a request that has a field both in the query and in the body."""
    body = case.body if isinstance(case.body, dict) else {}
    return not set(case.query or {}) & set(body)


@schemathesis.hook
def filter_failure(
    context: schemathesis.HookContext,
    failure: Exception,
    case: schemathesis.Case[Any],
    response: schemathesis.Response,
) -> bool:
    """A job that was not asked to draw has no drawing, which the request cannot know."""
    return b"has no drawing" not in response.content
