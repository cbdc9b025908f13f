"""The Open Inference Protocol (KServe v2, Triton) over HTTP, with the tensors that docling uses."""

from __future__ import annotations

from typing import Any

from server.errors import BadField, MissingFile, NotFound
from server.formats.answer import Answer, CacheOutcome
from server.formats.json_text import JSON_TYPE
from server.http.context import ServerContext
from server.http.dialects.dialect import Target, Targets
from server.http.dialects.foreign import ForeignApi, ForeignDialect
from server.http.dialects.pages import flat, read_pages
from server.http.dialects.tensors import (
    HEADER_LENGTH,
    InferRequest,
    Tensor,
    floats,
    parse_request,
    texts,
    tiff_of,
    written,
)
from server.http.errors import PublicError
from server.http.replies import Reply, answer_headers, json_reply, problem_headers
from server.intake.body import BodyReader, RawBody
from server.intake.fields import Form
from server.intake.request import ImageSource, OcrRequest
from server.principal import Scope
from server.version import VERSION

MODEL, MODEL_VERSION = "ocr", "1"
PIXELS, FILE = "image", "image_file"
CHANNELS = 3
METADATA = {
    "name": MODEL,
    "versions": [MODEL_VERSION],
    "platform": "ocr-server",
    "inputs": [
        {"name": "lang_type", "datatype": "BYTES", "shape": [-1, 1]},
        {"name": PIXELS, "datatype": "UINT8", "shape": [-1, -1, -1, CHANNELS]},
    ],
    "outputs": [
        {"name": "boxes", "datatype": "FP32", "shape": [-1, 4, 2]},
        {"name": "txts", "datatype": "BYTES", "shape": [-1]},
        {"name": "scores", "datatype": "FP32", "shape": [-1]},
    ],
}


class KserveApi(ForeignApi):
    """How errors are written, and which models there are."""

    def problem(self, problem: PublicError) -> Reply:
        """See BodyApi."""
        reply = json_reply(
            {"error": self.message_of(problem)}, problem.status, problem_headers(problem)
        )
        return reply._replace(error=problem.code)

    def check_model(self) -> None:
        """NotFound unless the path names the model, and its version if it has one."""
        if self.arguments and self.arguments[0] != MODEL:
            raise NotFound(f"there is no model of this name; the only one is {MODEL}")
        if len(self.arguments) > 1 and self.arguments[1] != MODEL_VERSION:
            raise NotFound(f"the model has no such version; the only one is {MODEL_VERSION}")


class Infer(KserveApi, ForeignDialect):
    """POST /v2/models/ocr/infer: `image` with pixels, or `image_file` with an image file."""

    _asked = InferRequest({}, {})

    def reader(self) -> BodyReader:
        """See BodyApi: JSON, or JSON and binary data."""
        return RawBody()

    def parse(self, form: Form) -> OcrRequest:
        """See Dialect."""
        self.check_model()
        header_length = self.request.headers.get(HEADER_LENGTH)
        self._asked = parse_request(form.image or b"", header_length)
        return self.ask(self._source())

    def render(self, answer: Answer, asked: OcrRequest, outcome: CacheOutcome) -> Reply:
        """See Dialect."""
        lines = [line for page in read_pages(answer) for line in page.lines]
        corners = [float(value) for line in lines for value in flat(line.box)]
        outputs = [
            floats("boxes", [len(lines), 4, 2], corners),
            texts("txts", [line.text for line in lines]),
            floats("scores", [len(lines)], [line.confidence for line in lines]),
        ]
        head = self._asked.head
        envelope: dict[str, Any] = {"model_name": MODEL, "model_version": MODEL_VERSION}
        if isinstance(head.get("id"), str):
            envelope["id"] = head["id"]
        body, length = written(envelope, outputs, head)
        headers = answer_headers(answer, outcome, self.scope.elapsed_ms())
        headers["Content-Type"] = JSON_TYPE if length is None else "application/octet-stream"
        if length is not None:
            headers[HEADER_LENGTH] = str(length)
        return Reply(200, headers, (body,))

    def _source(self) -> ImageSource:
        inputs = self._asked.inputs
        if FILE in inputs:
            return self._file(inputs[FILE])
        if PIXELS not in inputs:
            raise MissingFile(f"inputs need {PIXELS} (UINT8, [1, H, W, 3]) or {FILE} (BYTES, [1])")
        if inputs[PIXELS].datatype == "BYTES":
            return self._file(inputs[PIXELS])
        return self._pixels(inputs[PIXELS])

    def _file(self, tensor: Tensor) -> ImageSource:
        """The source of an image file: its bytes, or base64 in JSON."""
        files = tensor.texts()
        if len(files) != 1:
            raise BadField(f"{tensor.name} must have one element: an image file")
        if isinstance(tensor.data, bytes):
            return self.uploaded(files[0], tensor.name)
        return self.image(files[0].decode(), tensor.name)

    def _pixels(self, tensor: Tensor) -> ImageSource:
        """The source of pixels: they are sent to the engine as a TIFF."""
        batch, height, width, channels = (*tensor.shape, 0, 0, 0, 0)[:4]
        pixels = tensor.data
        if tensor.datatype != "UINT8" or len(tensor.shape) != 4 or (batch, channels) != (1, 3):
            raise BadField(f"{PIXELS} must be UINT8 of the shape [1, H, W, 3], or BYTES")
        if not isinstance(pixels, bytes):
            raise BadField(f"{PIXELS} must be sent as binary data, not as numbers in JSON")
        if min(height, width) < 1 or len(pixels) != height * width * CHANNELS:
            raise BadField(f"{PIXELS} has {len(pixels)} bytes, which is not its shape")
        return self.uploaded(tiff_of(pixels, width, height), PIXELS)


class Server(KserveApi):
    """GET /v2, its health, and the model."""

    methods = ("GET", "HEAD")
    needs: Scope | None = None

    async def answer(self, form: Form) -> Reply:
        """See Call."""
        self.check_model()
        last = self.request.path.rpartition("/")[2]
        if last == "live":
            return json_reply({"live": True})
        if last == "ready":
            ready = self.context.ready()
            return json_reply({"ready": ready}, 200 if ready else 503)
        if self.arguments:
            return json_reply(METADATA)
        extensions = ["binary_tensor_data"]
        return json_reply({"name": "ocr-server", "version": VERSION, "extensions": extensions})


def targets(context: ServerContext) -> Targets:
    """The target of each route, by its name."""
    return {"infer": Target(Infer), "server": Target(Server, "call")}
