"""One trace over all processes; row 126: a receiver of traces that does not take them."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cards import card
from tests.support.checkout import ROOT
from tests.support.clusters import Cluster
from tests.support.http_client import KeptConnection
from tests.support.otlp_receiver import OtlpReceiver
from tests.support.redis_server import Redis
from tests.support.server_process import ServerProcess
from tests.support.watching import rss_mb, wait_until

PAGE = ROOT / "tests" / "data" / "pages"


def header() -> tuple[str, str, str]:
    """A trace id, the id of the client's span, and the header of a traced request."""
    trace_id, span_id = secrets.token_hex(16), secrets.token_hex(8)
    return trace_id, span_id, f"00-{trace_id}-{span_id}-01"


@pytest.fixture
def receiver() -> Iterator[OtlpReceiver]:
    with OtlpReceiver() as listening:
        yield listening


def traced_server(folder: Path, url: str, fakes: bool = True, sample: float = 0) -> ServerProcess:
    settings = {
        "ocr": {"process": {"number": 1}},
        "tracing": {"otlp_url": url, "sample": sample},
    }
    return ServerProcess(folder, settings, fakes=fakes)


@pytest.mark.slow
def test_one_trace_goes_from_the_client_through_the_server_and_its_worker(
    receiver: OtlpReceiver, tmp_path: Path
) -> None:
    image = next(PAGE.glob("*.png")).read_bytes()
    with traced_server(tmp_path, receiver.url, fakes=False) as server:
        (worker,) = server.worker_pids()
        trace_id, span_id, traceparent = header()
        answer = server.upload(image, {"traceparent": traceparent}, path="/ocr")
        assert answer.status == 200
        wait_until(lambda: "answer" in receiver.trace(trace_id), "the trace")
        spans = receiver.trace(trace_id)
        whole = spans["POST /ocr"]
        assert whole.parent_id == span_id
        assert whole.attributes["http.response.status_code"] == 200
        assert whole.attributes["ocr.cache"] == "miss"
        assert whole.attributes["ocr.request_id"] == answer.headers["X-Request-Id"]
        own = {name for name, span in spans.items() if span.pid == server.pid}
        assert own == {"POST /ocr", "receive", "queue", "store", "answer"}
        of_worker = {name for name, span in spans.items() if span.pid == worker}
        assert {"recognize", "decode", "det", "rec"} <= of_worker
        for name in own - {"POST /ocr"} | {"recognize"}:
            assert spans[name].parent_id == whole.span_id
        order = ["receive", "queue", "recognize", "decode", "det", "rec", "store", "answer"]
        begun = [spans[name].began for name in order]
        assert begun == sorted(begun)
        assert whole.began <= begun[0] and spans["answer"].ended <= whole.ended
        again, _, traceparent = header()
        assert server.upload(image, {"traceparent": traceparent}, path="/ocr").status == 200
        wait_until(lambda: "answer" in receiver.trace(again), "the trace of a cached answer")
        assert receiver.trace(again)["POST /ocr"].attributes["ocr.cache"] == "hit"
        assert receiver.trace(again).keys() == {"POST /ocr", "receive", "answer"}


def test_only_requests_that_are_traced_are_sent(receiver: OtlpReceiver, tmp_path: Path) -> None:
    with traced_server(tmp_path, receiver.url) as server:
        for sent in ("", "nonsense", f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-00"):
            headers = {"traceparent": sent} if sent else {}
            assert server.upload(card("a"), headers).status == 200
        trace_id, _, traceparent = header()
        refused = server.request("POST", "/ocr", b"?", {"traceparent": traceparent})
        assert refused.status == 415
        wait_until(lambda: receiver.trace(trace_id), "the trace of a refused request")
        assert {span.trace_id for span in receiver.spans} == {trace_id}
        whole = receiver.trace(trace_id)["POST /ocr"]
        assert whole.attributes["error.type"] == refused.code and not whole.failed


def test_in_a_cluster_the_trace_goes_through_the_front_end_the_node_and_its_worker(
    receiver: OtlpReceiver, tmp_path: Path, vhost: str, redis_server: Redis
) -> None:
    tracing = {"otlp_url": receiver.url, "sample": 0}
    with Cluster(tmp_path, vhost, redis_server.url(), more={"tracing": tracing}) as cluster:
        node = cluster.node()
        front = cluster.front()
        (worker,) = node.worker_pids()
        trace_id, span_id, traceparent = header()
        assert front.upload(card("a"), {"traceparent": traceparent}, path="/ocr").status == 200
        wait_until(lambda: {"POST /ocr", "node"} <= receiver.trace(trace_id).keys(), "the trace")
        at_front = receiver.trace(trace_id, front.pid)
        at_node, of_worker = (receiver.trace(trace_id, pid) for pid in (node.pid, worker))
        assert at_front.keys() == {
            *("POST /ocr", "receive", "queue", "publish", "fetch", "store", "answer"),
        }
        assert at_node.keys() == {"node", "blob", "queue", "store"}
        assert {"recognize", "decode"} <= of_worker.keys()
        whole = at_front["POST /ocr"]
        assert whole.parent_id == span_id
        assert at_node["node"].parent_id == whole.span_id
        assert at_node["blob"].parent_id == at_node["node"].span_id
        assert of_worker["recognize"].parent_id == at_node["node"].span_id
        services = {
            spans[name].service
            for spans, name in ((at_front, "publish"), (at_node, "node"), (of_worker, "decode"))
        }
        assert services == {"ocr-server", "ocr-node", "ocr-worker"}


@pytest.mark.faults(126)
def test_a_flood_of_traced_requests_to_a_receiver_that_hangs_or_fails(tmp_path: Path) -> None:
    with socket.socket() as hanging:
        hanging.bind(("127.0.0.1", 0))
        hanging.listen()
        url = f"http://127.0.0.1:{hanging.getsockname()[1]}"
        with traced_server(tmp_path, url) as server, KeptConnection(server.port) as connection:

            def send(number: int) -> None:
                for _ in range(number):
                    headers = {"traceparent": header()[2], "Content-Type": "image/png"}
                    answer = connection.request("POST", "/ocr", card("a"), headers)
                    assert answer.status == 200

            send(1000)  # three spans each: more than are kept
            before = rss_mb(server.pid)
            send(1000)
            assert rss_mb(server.pid) - before < 5
            server.terminate()
            assert server.wait() == 0
            assert server.output.count("the receiver of traces does not take them") == 1
