"""The APIs of other OCR servers that this server can speak, and the setting that chooses them.

A new dialect needs a row here, its module in server/http/dialects/, and its section in
docs/dialects.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from server.settings.constraints import Schema
from server.settings.dialect_row import DialectRow, Route
from server.settings.network_constraints import listed

ALL = "all"
OWN_KEY = "Authorization: Bearer KEY, or X-Api-Key: KEY"
_DOCUMENTS = "/documentintelligence/documentModels/prebuilt-read"
AZURE_KEY = "Ocp-Apim-Subscription-Key: KEY"
BAIDU_KEY = "access_token in the query string, from /oauth/2.0/token with client_secret=KEY"
OCRSPACE_KEY = "apikey, as a header or a field"


def _json(body: str, path: str) -> str:
    """A command that sends JSON; `%s` in the body is the image."""
    image = """"$(base64 -w0 IMAGE)" """
    return f"printf '{body}' {image}| curl -H 'Content-Type: application/json' -d @- SERVER{path}"


def _bytes(path: str, options: str = "") -> str:
    """A command that sends the image as the body."""
    options = f"{options} " if options else ""
    return (
        f"curl {options}-H 'Content-Type: application/octet-stream' --data-binary @IMAGE "
        f"'SERVER{path}'"
    )


DIALECTS: tuple[DialectRow, ...] = (
    DialectRow(
        name="paddlex",
        server="PaddleX serving 3.x",
        module="paddlex",
        routes=(
            Route("POST", "/ocr", "ocr", "shared"),
            Route("POST", "/layout-parsing", "layout"),
            Route("GET", "/health", "health"),
        ),
        key=OWN_KEY,
        curl=_json('{"file":"%s","fileType":1}', "/ocr"),
        marks=("file",),
    ),
    DialectRow(
        name="paddleocr-jobs",
        server="PaddleOCR's official API",
        module="paddleocr_jobs",
        routes=(
            Route("POST", "/api/v2/ocr/jobs", "submit"),
            Route("GET", "/api/v2/ocr/jobs/{id}", "job"),
            Route("GET", "/api/v2/ocr/jobs/batch/{id}", "batch"),
            Route("GET", "/api/v2/ocr/jobs/{id}/result", "result"),
        ),
        key=OWN_KEY,
        curl="curl -F model=PP-OCRv6 -F file=@IMAGE SERVER/api/v2/ocr/jobs",
    ),
    DialectRow(
        name="hubserving",
        server="PaddleOCR 2.x hubserving",
        module="hubserving",
        routes=(
            Route("POST", "/predict/ocr_system", "system"),
            Route("POST", "/predict/ocr_det", "det"),
            Route("POST", "/predict/ocr_rec", "rec"),
            Route("POST", "/predict/ocr_cls", "cls"),
        ),
        key=OWN_KEY,
        curl=_json('{"images":["%s"]}', "/predict/ocr_system"),
    ),
    DialectRow(
        name="rapidocr",
        server="RapidOCR API",
        module="rapidocr",
        routes=(Route("POST", "/ocr", "ocr", "shared"),),
        key=OWN_KEY,
        curl="curl -F image_file=@IMAGE SERVER/ocr",
        marks=("image_data",),
        image_parts=("image_file",),
    ),
    DialectRow(
        name="umi-ocr",
        server="Umi-OCR",
        module="umi_ocr",
        routes=(
            Route("POST", "/api/ocr", "ocr"),
            Route("GET", "/api/ocr/get_options", "options"),
            Route("GET", "/api/doc/get_options", "options"),
            Route("POST", "/api/doc/upload", "doc_upload"),
            Route("POST", "/api/doc/result", "doc_result"),
            Route("POST", "/api/doc/download", "doc_download"),
            Route("GET", "/api/doc/download/{id}/{name}", "doc_file"),
            Route("GET", "/api/doc/clear/{id}", "doc_clear"),
        ),
        key=OWN_KEY,
        curl=_json('{"base64":"%s"}', "/api/ocr"),
    ),
    DialectRow(
        name="openai",
        server="OpenAI chat completions",
        module="openai",
        routes=(
            Route("POST", "/v1/chat/completions", "chat"),
            Route("GET", "/v1/models", "models"),
            Route("GET", "/v1/models/{id}", "models"),
        ),
        key=OWN_KEY,
        curl=_json(
            '{"model":"ocr-server","messages":[{"role":"user","content":[{"type":"image_url",'
            '"image_url":{"url":"data:image/png;base64,%s"}}]}]}',
            "/v1/chat/completions",
        ),
    ),
    DialectRow(
        name="mistral",
        server="Mistral OCR",
        module="mistral",
        routes=(
            Route("POST", "/v1/ocr", "ocr"),
            Route("POST", "/v1/files", "upload"),
            Route("GET, DELETE", "/v1/files/{id}", "file"),
            Route("GET", "/v1/files/{id}/url", "file"),
        ),
        key=OWN_KEY,
        curl=_json(
            '{"model":"ocr-server","document":{"type":"image_url",'
            '"image_url":"data:image/png;base64,%s"}}',
            "/v1/ocr",
        ),
    ),
    DialectRow(
        name="open-webui",
        server="Open WebUI's external document loader",
        module="open_webui",
        routes=(Route("PUT", "/process", "process"),),
        key=OWN_KEY,
        curl="curl -T IMAGE SERVER/process",
    ),
    DialectRow(
        name="azure-read",
        server="Azure Computer Vision 3.2",
        module="azure_read",
        routes=(
            Route("POST", "/vision/v3.2/read/analyze", "analyze"),
            Route("GET", "/vision/v3.2/read/analyzeResults/{id}", "result"),
            Route("POST", "/vision/v3.2/ocr", "ocr"),
        ),
        key=AZURE_KEY,
        curl=_bytes("/vision/v3.2/ocr"),
    ),
    DialectRow(
        name="azure-vision",
        server="Azure Image Analysis 4.0",
        module="azure_vision",
        routes=(Route("POST", "/computervision/imageanalysis:analyze", "analyze"),),
        key=AZURE_KEY,
        curl=_bytes("/computervision/imageanalysis:analyze?features=read"),
    ),
    DialectRow(
        name="azure-documents",
        server="Azure Document Intelligence",
        module="azure_documents",
        routes=(
            Route("POST", "/documentintelligence/documentModels/{model}:analyze", "analyze"),
            Route("GET", f"{_DOCUMENTS}/analyzeResults/{{id}}", "result"),
            Route("GET", f"{_DOCUMENTS}/analyzeResults/{{id}}/pdf", "pdf"),
        ),
        key=AZURE_KEY,
        curl=_bytes("/documentintelligence/documentModels/prebuilt-read:analyze", "-i"),
    ),
    DialectRow(
        name="baidu",
        server="Baidu Cloud general text recognition",
        module="baidu",
        routes=(
            *(
                Route("POST", f"/rest/2.0/ocr/v1/{service}", "ocr")
                for service in (
                    "general_basic",
                    "general",
                    "accurate_basic",
                    "accurate",
                    "webimage",
                )
            ),
            Route("GET, POST", "/oauth/2.0/token", "token"),
        ),
        key=BAIDU_KEY,
        curl="curl --data-urlencode image@<(base64 -w0 IMAGE) SERVER/rest/2.0/ocr/v1/general",
    ),
    DialectRow(
        name="ocrspace",
        server="OCR.space",
        module="ocrspace",
        routes=(Route("POST", "/parse/image", "parse"),),
        key=OCRSPACE_KEY,
        curl="curl -F file=@IMAGE SERVER/parse/image",
    ),
    DialectRow(
        name="kserve",
        server="KServe v2 (Triton)",
        module="kserve",
        routes=(
            Route("GET", "/v2", "server"),
            Route("GET", "/v2/health/live", "server"),
            Route("GET", "/v2/health/ready", "server"),
            Route("GET", "/v2/models/{model}", "server"),
            Route("GET", "/v2/models/{model}/ready", "server"),
            Route("POST", "/v2/models/{model}/infer", "infer"),
            Route("GET", "/v2/models/{model}/versions/{version}", "server"),
            Route("GET", "/v2/models/{model}/versions/{version}/ready", "server"),
            Route("POST", "/v2/models/{model}/versions/{version}/infer", "infer"),
        ),
        key=OWN_KEY,
        curl=_json(
            '{"inputs":[{"name":"image_file","shape":[1],"datatype":"BYTES","data":["%s"]}]}',
            "/v2/models/ocr/infer",
        ),
    ),
    DialectRow(
        name="crnn",
        server="CRNN services",
        module="crnn",
        routes=(Route("POST", "/ocr", "ocr", "prefixed"),),
        key=OWN_KEY,
        curl="curl -F file=@IMAGE SERVER/dialects/crnn/ocr",
    ),
)
NAMES: tuple[str, ...] = tuple(row.name for row in DIALECTS)


class DialectNames:
    """Names of dialects, or `all`; separated by commas in the environment."""

    def __call__(self, value: Any) -> tuple[str, ...]:
        """See Constraint; in the order of the table."""
        given = listed(value)
        if not isinstance(given, list) or not all(each in (*NAMES, ALL) for each in given):
            raise ValueError(f'expected ["{ALL}"], or a list of some of {", ".join(NAMES)}')
        return NAMES if ALL in given else tuple(name for name in NAMES if name in given)

    def schema(self) -> Schema:
        """See Constraint."""
        return {"type": "array", "items": {"type": "string", "enum": [*NAMES, ALL]}}


def chosen(names: Sequence[str]) -> Iterator[DialectRow]:
    """The dialects with these names."""
    return (row for row in DIALECTS if row.name in names)
