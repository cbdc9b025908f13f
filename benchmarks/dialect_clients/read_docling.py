"""docling-slim's client of KServe v2: pixels as a tensor, with binary data."""

import numpy as np
from cases import run
from docling.models.inference_engines.common.kserve_v2_http import KserveV2HttpClient
from PIL import Image


def read(url: str, key: str, file: str) -> str:
    """The text of the file."""
    client = KserveV2HttpClient(
        base_url=url,
        model_name="ocr",
        model_version=None,
        timeout=60,
        headers={"Authorization": f"Bearer {key}"},
    )
    assert client.get_model_metadata().name == "ocr"
    pixels = np.asarray(Image.open(file).convert("RGB"), dtype=np.uint8)[np.newaxis]
    outputs = client.infer(
        inputs={"lang_type": np.array([["english"]], dtype=object), "image": pixels},
        output_names=["boxes", "txts", "scores"],
    )
    assert outputs["boxes"].shape == (len(outputs["txts"]), 4, 2)
    texts = outputs["txts"]
    return "\n".join(text.decode() if isinstance(text, bytes) else str(text) for text in texts)


run(read)
