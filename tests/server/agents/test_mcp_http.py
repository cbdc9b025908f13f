"""/mcp, used by the client of the official SDK: tools, keys and limits."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from tests.support.cards import card
from tests.support.error_replies import assert_error
from tests.support.http_client import Part, image_part, multipart
from tests.support.live_server import ADMIN_KEY, LiveServer

JSON = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
NO_ARGUMENT = "recognize has no argument file; arguments are path, image"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    folder = tmp_path_factory.mktemp("mcp")
    with LiveServer(folder, 2, 100, more={"mcp": {"enabled": True}}) as running:
        (running.images / "sign.png").write_bytes(card("SEA BREEZE\nBOOKS"))
        yield running


def with_client(
    server: LiveServer,
    work: Callable[[Client], Awaitable[Any]],
    key: str | None = None,
    **more: Any,
) -> Any:
    """What the work returns; it gets a connected client."""

    async def run() -> Any:
        headers = {} if key is None else {"X-Api-Key": key}
        async with httpx2.AsyncClient(headers=headers, trust_env=False) as http:
            url = f"http://127.0.0.1:{server.port}/mcp"
            async with Client(streamable_http_client(url, http_client=http), **more) as client:
                return await work(client)

    return asyncio.run(run())


def call(server: LiveServer, name: str, **arguments: Any) -> tuple[str, bool]:
    """The text of a tool's answer, and whether it is an error."""

    async def work(client: Client) -> tuple[str, bool]:
        result = await client.call_tool(name, arguments)
        (content,) = result.content
        return content.text, result.is_error  # type: ignore[union-attr]

    found: tuple[str, bool] = with_client(server, work)
    return found


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_the_tools_are_listed_for_new_and_older_clients(server: LiveServer, mode: str) -> None:
    async def work(client: Client) -> list[str]:
        return [tool.name for tool in (await client.list_tools()).tools]

    names = with_client(server, work, mode=mode)
    assert names == ["recognize", "search_text", "job_status"]


def test_an_image_by_its_path(server: LiveServer) -> None:
    assert call(server, "recognize", path="sign.png") == ("SEA BREEZE\nBOOKS", False)


def test_an_image_as_a_data_url(server: LiveServer) -> None:
    data = base64.b64encode(card("as data")).decode()
    assert call(server, "recognize", image=f"data:image/png;base64,{data}") == ("as data", False)


def test_boxes_on_request(server: LiveServer) -> None:
    text, is_error = call(server, "recognize", path="sign.png", boxes=True)
    shown = json.loads(text)
    assert not is_error
    assert [line["text"] for line in shown["lines"]] == ["SEA BREEZE", "BOOKS"]
    assert shown["lines"][1]["box"] == [0, 10, 40, 19]


def test_a_long_text_is_cut(server: LiveServer) -> None:
    text, _ = call(server, "recognize", path="sign.png", max_characters=3)
    assert text == "SEA\n[13 more characters; raise max_characters to get them]"


def test_lines_that_contain_a_text(server: LiveServer) -> None:
    text, _ = call(server, "search_text", path="sign.png", query="breeze")
    (match,) = json.loads(text)["matches"]
    assert match == {"line": 1, "text": "SEA BREEZE", "box": [0, 0, 40, 9]}
    text, is_error = call(server, "search_text", path="sign.png", query="mountain")
    assert (text, is_error) == ("no line of this image contains 'mountain'; it has 2 lines", False)


def test_the_state_of_a_job(server: LiveServer) -> None:
    body, headers = multipart([image_part(card("of a job")), Part("block_flag", b"false")])
    job = server.request("POST", "/ocr", body, headers).json["job"]
    server.get(f"{job['url']}?wait=10")
    text, _ = call(server, "job_status", job_id=job["id"])
    assert json.loads(text) == {"job_id": job["id"], "state": "done", "text": "of a job"}
    text, is_error = call(server, "job_status", job_id="nobody")
    assert is_error
    assert text.startswith("not_found: ")


@pytest.mark.parametrize(
    ("name", "arguments", "mention"),
    [
        ("recognize", {}, "name one image, as one of path, image"),
        ("recognize", {"path": "sign.png", "image": "AAAA"}, "name one image"),
        ("recognize", {"path": "../secret.png"}, "not_found: the folders in filename_roots"),
        ("recognize", {"image": "AAAA"}, "unsupported_format: "),
        ("recognize", {"path": "sign.png", "text": "poem"}, "text: expected one of lines"),
        ("recognize", {"path": "sign.png", "models": "x"}, "bad_field: models = 'x': expected one"),
        ("recognize", {"file": "sign.png"}, NO_ARGUMENT),
        ("search_text", {"path": "sign.png"}, "query: expected the text to look for"),
        ("translate", {}, "there is no tool translate; tools are recognize, search_text"),
    ],
)
def test_errors_say_what_to_do(
    server: LiveServer, name: str, arguments: dict[str, Any], mention: str
) -> None:
    text, is_error = call(server, name, **arguments)
    assert is_error
    assert mention in text


def post(server: LiveServer, message: object, **headers: str) -> Any:
    return server.request("POST", "/mcp", json.dumps(message).encode(), {**JSON, **headers})


def test_requests_that_are_not_admitted(server: LiveServer) -> None:
    listed = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    assert_error(post(server, listed, **{"X-Api-Key": "wrong"}), 401, "key_invalid")
    refused = post(server, listed, Origin="http://evil.example")
    assert_error(refused, 403, "cross_site")
    assert server.request("GET", "/mcp").status == 405
    large = server.request("POST", "/mcp", b"{", {**JSON, "Content-Length": str(2 << 20)})
    assert_error(large, 413, "body_too_large")
    assert_error(server.request("POST", "/mcp", b"{", JSON), 400, "bad_request", "not JSON")


def test_calls_count_as_recognitions_of_the_key(server: LiveServer) -> None:
    admin = {"X-Api-Key": ADMIN_KEY, "Content-Type": "application/json"}
    fields = {"label": "agent", "daily_quota": 2, "scopes": ["read"]}
    made = server.request("POST", "/admin/keys", json.dumps(fields).encode(), admin)
    key = made.json["secret"]
    data = base64.b64encode(card("counted")).decode()

    async def work(client: Client) -> list[tuple[bool, str]]:
        await client.list_tools()
        results = [
            await client.call_tool("recognize", {"path": "sign.png"}),
            await client.call_tool("recognize", {"image": data}),
            await client.call_tool("search_text", {"image": data, "query": "counted"}),
        ]
        return [(each.is_error, each.content[0].text) for each in results]  # type: ignore[union-attr]

    refused, *read = with_client(server, work, key)
    assert refused[0]
    assert "needs the scope `filename`" in refused[1]
    assert [is_error for is_error, _ in read] == [False, False]
    called = {"method": "tools/call", "params": {"name": "recognize", "arguments": {"image": data}}}
    over = post(server, {"jsonrpc": "2.0", "id": 1, **called}, **{"X-Api-Key": key})
    assert_error(over, 429, "quota_exceeded")
    assert server.call(server.context.inflight.total) == 0


def test_by_default_there_is_no_such_route(wide: LiveServer) -> None:
    assert wide.request("POST", "/mcp", b"{}", JSON).status == 404
