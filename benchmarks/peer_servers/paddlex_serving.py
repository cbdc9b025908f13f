"""PaddleX serving (`paddlex --serve`) with ONNX Runtime, with the same weights as this server."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from ocr_engine.models.catalogue import catalogue_set
from ocr_engine.models.official import (
    onnx_characters,
    write_detection_directory,
    write_recognition_directory,
)
from ocr_engine.models.source import ModelSource
from peer_servers.environment import HERE, Environment
from peer_servers.program import running
from tests.support.arrivals import Request
from tests.support.program import Program

ENVIRONMENT = Environment("paddlex", HERE / "paddlex.txt", HERE / "paddlex-cv2.txt")
CLASSIFIER = "PP-LCNet_x1_0_textline_ori"  # the name that PaddleX requires


class PaddleXServing:
    """The pipeline OCR with its default thresholds; no page orientation, no unwarping.

    threads: per ONNX Runtime session; None: the default, all cores. concurrent: images are
    recognized concurrently in threads; PaddleX's default is one at a time. classifier: use this
    server's orientation classifier. Drawn images are not requested.
    """

    server = "PaddleX serving"

    def __init__(
        self, threads: int | None = None, concurrent: bool = False, classifier: bool = False
    ) -> None:
        self._threads = threads
        self._concurrent = concurrent
        self._classifier = classifier
        parts = [f"{threads} thread{'s' * (threads > 1)}" if threads else ""]
        parts += ["concurrent calls" * concurrent, "classifier" * classifier]
        self.setting = ", ".join(filter(None, parts)) or "defaults"
        self.settings: dict[str, Any] = {
            "engine": "onnxruntime",
            "intra_op_num_threads": threads,
            "PADDLE_PDX_SERVING_SERIAL_PIPELINE_CALLS": not concurrent,
            "use_textline_orientation": classifier,
            "use_doc_preprocessor": False,
            "visualize": False,
        }

    @property
    def versions(self) -> dict[str, str]:
        """The versions in its venv."""
        return ENVIRONMENT.versions("paddlex", "onnxruntime", "opencv-contrib-python", "uvicorn")

    def start(self) -> AbstractContextManager[Program]:
        """Start it with models and a pipeline file in the run's folder."""
        environment = {
            "PADDLE_PDX_DISABLE_MODEL_SOURCE_CHECK": "True",
            "HF_HUB_OFFLINE": "1",
            "PADDLE_PDX_SERVING_SERIAL_PIPELINE_CALLS": str(not self._concurrent),
        }
        return running(self._command, "/health", environment)

    def request(self, name: str, image: bytes) -> Request:
        """The image in base64 in a JSON body."""
        fields = {"file": base64.b64encode(image).decode(), "fileType": 1, "visualize": False}
        return Request(
            name, json.dumps(fields).encode(), headers={"Content-Type": "application/json"}
        )

    def lines(self, body: bytes) -> list[str]:
        """`result.ocrResults[0].prunedResult.rec_texts`."""
        texts: list[str] = json.loads(body)["result"]["ocrResults"][0]["prunedResult"]["rec_texts"]
        return texts

    def _command(self, port: int, folder: Path) -> Sequence[str]:
        pipeline = folder / "pipeline.yaml"  # JSON is YAML
        pipeline.write_text(json.dumps(self._pipeline(folder)), encoding="ascii")
        command = [ENVIRONMENT.program("paddlex"), "--serve", "--pipeline", str(pipeline)]
        return [*command, "--device", "cpu", "--host", "127.0.0.1", "--port", str(port)]

    def _pipeline(self, folder: Path) -> dict[str, Any]:
        """paddlex/configs/pipelines/OCR.yaml with PP-OCRv6 small instead of medium."""
        models = catalogue_set("PP-OCRv6_small")
        det = write_detection_directory(folder, models.det)
        rec = write_recognition_directory(folder, models.rec, onnx_characters(models.rec.file.path))
        modules: dict[str, Any] = {
            "TextDetection": {
                **_module("text_detection", det),
                "limit_side_len": 64,
                "limit_type": "min",
                "max_side_limit": 4000,
                "thresh": 0.3,
                "box_thresh": 0.6,
                "unclip_ratio": 1.5,
            },
            "TextRecognition": {
                **_module("text_recognition", rec),
                "batch_size": 6,
                "score_thresh": 0.0,
            },
        }
        if self._classifier and (found := models.get("cls")) is not None:
            cls = lay_out_classifier(folder, found)
            modules["TextLineOrientation"] = {
                **_module("textline_orientation", cls),
                # With its default of 6, PaddleX 3.7.2 rotates all lines of a batch like the first.
                "batch_size": 1,
            }
        pipeline = {
            "pipeline_name": "OCR",
            "text_type": "general",
            "engine": "onnxruntime",
            "use_doc_preprocessor": False,
            "use_textline_orientation": self._classifier,
            "SubModules": modules,
        }
        if self._threads:
            pipeline["engine_config"] = {"intra_op_num_threads": self._threads}
        return pipeline


def lay_out_classifier(folder: Path, source: ModelSource) -> Path:
    """Write the v2 classifier as a text line orientation model of PaddleX; returns its folder.

    PaddleX stretches crops to the model's input, while this server pads short ones. PaddleX has no
    threshold: it rotates every crop that is more likely upside down than upright.
    """
    _, height, width = source.image_shape or (3, 48, 192)
    steps = [
        {"ResizeImage": {"size": [width, height]}},
        {"NormalizeImage": {"mean": source.mean, "std": source.std, "scale": 1 / 255, "order": ""}},
        {"ToCHWImage": None},
    ]
    directory = folder / CLASSIFIER
    directory.mkdir()
    (directory / "inference.onnx").symlink_to(source.file.path.resolve())
    config = {
        "Global": {"model_name": CLASSIFIER},
        "PreProcess": {"transform_ops": steps},
        "PostProcess": {"Topk": {"topk": 1, "label_list": ["0_degree", "180_degree"]}},
    }
    (directory / "inference.yml").write_text(json.dumps(config), encoding="ascii")
    return directory


def _module(name: str, model: Path) -> dict[str, str]:
    return {"module_name": name, "model_name": model.name, "model_dir": str(model)}
