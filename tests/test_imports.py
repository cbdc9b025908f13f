"""Importing a module of the product changes nothing in the process that imports it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("cache", "load_test", "ocr_cli", "ocr_client", "ocr_cluster", "ocr_engine", "server")

# Foreign libraries first: what they do when they are imported is no business of ours. They ask for
# openvino_telemetry, which would send usage data: a module without content sends none, and shows
# whether anybody has put something else in its place.
FOREIGN = """
import importlib, json, logging, os, pkgutil, resource, signal, sys, threading, types, warnings
sys.modules["openvino_telemetry"] = types.ModuleType("openvino_telemetry")
warnings.simplefilter("ignore")
import cv2, numpy, onnxruntime, openvino, paddle, pikepdf.pdfa, tornado.web
import celery.worker.consumer, kombu, redis.asyncio
from PIL import Image
import cache, load_test, ocr_cli, ocr_client, ocr_cluster, ocr_engine, server
"""

IMPORT_ALL = """
warnings.resetwarnings()
warnings.simplefilter("error")

def state():
    return {
        "environment": dict(os.environ),
        "stubs": [name for name, module in sys.modules.items() if module is None],
        "telemetry": str(sys.modules["openvino_telemetry"]),
        "path": list(sys.path),
        "pixels": Image.MAX_IMAGE_PIXELS,
        "signals": [str(signal.getsignal(number)) for number in signal.valid_signals()],
        "limits": [resource.getrlimit(kind) for kind in (resource.RLIMIT_AS, resource.RLIMIT_CORE)],
        "log": [str(logging.getLogger(name).handlers) for name in (None, "PIL", "tornado")],
        "level": [logging.getLogger(name).level for name in (None, "PIL", "tornado")],
        "threads": threading.active_count(),
        "filters": list(map(str, warnings.filters)),
    }

before = state()
modules = [
    found.name
    for package in (
        cache, load_test, ocr_cli, ocr_client, ocr_cluster, ocr_engine, server
    )
    for found in pkgutil.walk_packages(package.__path__, package.__name__ + ".")
    if found.name != "server.__main__"
]
for name in modules:
    importlib.import_module(name)
after = state()
changed = {key: [before[key], after[key]] for key in before if before[key] != after[key]}
print(json.dumps({"modules": modules, "changed": changed}))
"""


def run_python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A new interpreter, without what this process has set for OpenVINO."""
    kept = {k: v for k, v in os.environ.items() if k != "ONEDNN_PRIMITIVE_CACHE_CAPACITY"}
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**kept, **environment},
        timeout=120,
        check=False,
    )


@pytest.mark.slow
def test_importing_a_module_changes_nothing() -> None:
    done = run_python(FOREIGN + IMPORT_ALL)
    assert (done.returncode, done.stderr) == (0, "")
    said = json.loads(done.stdout)
    assert said["changed"] == {}
    assert {"ocr_engine.runtimes.paddle", "server.main", "load_test.main"} <= set(said["modules"])
    files = [file for name in PACKAGES for file in (ROOT / name).rglob("*.py")]
    files = [file for file in files if "migrations" not in file.parts]  # alembic runs them
    assert len(said["modules"]) == len(files) - len(PACKAGES) - 1  # each __init__, and __main__


def test_the_front_end_imports_no_native_library() -> None:
    """They take a second and 100 MB; only workers need them, and the parent none of their code."""
    done = run_python(
        "import sys, server.main, server.app\n"
        "native = ('numpy', 'cv2', 'PIL', 'openvino', 'paddle', 'onnxruntime', 'pikepdf')\n"
        "print([name for name in native if name in sys.modules])\n"
        "print(sorted(name for name in sys.modules if name.startswith('ocr_engine.worker.')))\n"
    )
    assert done.stderr == ""
    native, of_the_worker = done.stdout.splitlines()
    assert native == "[]"
    assert of_the_worker == "['ocr_engine.worker.messages', 'ocr_engine.worker.spec']"


READERS = re.compile(r"\b(im(read|decode)\w*|VideoCapture)\b")


def test_only_pillow_decodes_images() -> None:
    """OpenCV's decoders have no limits that we check, and its wheels have old libraries."""
    assert READERS.search("cv2.imdecode(data, 1)")
    assert READERS.search("from cv2 import imreadmulti")
    files = [file for name in PACKAGES for file in (ROOT / name).rglob("*.py")]
    assert len(files) > 100
    assert [file for file in files if READERS.search(file.read_text(encoding="utf-8"))] == []


def test_what_is_off_or_not_yet_used_is_not_imported() -> None:
    """The database takes 32 MB, the description of the API 2 MB."""
    done = run_python(
        "import sys, server.app\n"
        "from server.http.routes import make_application\n"
        "from server.settings.settings import Settings\n"
        "make_application(server.app.build_context(Settings(), load=object))\n"
        "unneeded = ('sqlalchemy', 'aiosqlite', 'alembic', 'psycopg', 'server.http.openapi',\n"
        "            'server.service.kept_results', 'server.service.result_identity',\n"
        "            'ocr_cluster', 'celery', 'redis', 'mcp', 'opentelemetry', 'pypdfium2',\n"
        "            'pikepdf', 'ocr_engine.remote', 'ocr_engine.documents.renderers',\n"
        "            'server.cluster', 'server.intake.image_url', 'server.outbound.http_get',\n"
        "            'server.agents', 'server.http.handlers.foreign',\n"
        "            'server.http.dialects.foreign',\n"
        "            'server.http.handlers.cluster_health', 'server.http.handlers.mcp',\n"
        "            'server.documents.reading', 'server.http.handlers.document_answer',\n"
        "            'server.http.handlers.admin_', 'server.http.handlers.batch',\n"
        "            'server.http.handlers.files_exchange', 'server.http.handlers.job',\n"
        "            'server.http.handlers.kept_documents', 'server.http.handlers.languages',\n"
        "            'server.http.handlers.results', 'server.http.handlers.storage_events',\n"
        "            'server.http.handlers.usage', 'server.http.dialects.batches',\n"
        "            'server.http.dialects.kept', 'server.objects', 'server.users.key_fields',\n"
        "            'server.users.key_record')\n"
        "print([name for name in sys.modules if name.startswith(unneeded)])\n"
    )
    assert (done.stdout, done.stderr) == ("[]\n", "")


@pytest.mark.parametrize("own", [{}, {"ONEDNN_PRIMITIVE_CACHE_CAPACITY": "7"}])
def test_whoever_loads_openvino_by_name_has_its_environment(own: dict[str, str]) -> None:
    done = run_python(
        "import os, sys\n"
        "from ocr_engine.recognizers.models import load_runtime\n"
        "print('ONEDNN_PRIMITIVE_CACHE_CAPACITY' in os.environ, 'openvino' in sys.modules)\n"
        "load_runtime('openvino')\n"
        "print(os.environ['ONEDNN_PRIMITIVE_CACHE_CAPACITY'], sys.modules['openvino_telemetry'])\n",
        **own,
    )
    assert done.stderr == ""
    before, after = done.stdout.splitlines()
    assert before == f"{bool(own)} False"
    assert after == f"{own.get('ONEDNN_PRIMITIVE_CACHE_CAPACITY', '128')} None"
