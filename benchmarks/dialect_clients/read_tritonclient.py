"""tritonclient over HTTP: an image file as a tensor, with binary data."""

from pathlib import Path

import numpy as np
from cases import run
from tritonclient.http import InferenceServerClient, InferInput, InferRequestedOutput


def read(url: str, key: str, file: str) -> str:
    """The text of the file."""
    with InferenceServerClient(url.removeprefix("http://")) as client:
        headers = {"Authorization": f"Bearer {key}"}
        assert client.is_server_live(headers)
        assert client.is_server_ready(headers)
        assert client.is_model_ready("ocr", headers=headers)
        assert client.get_model_metadata("ocr", headers=headers)["name"] == "ocr"
        image = InferInput("image_file", [1], "BYTES")
        image.set_data_from_numpy(np.array([Path(file).read_bytes()], dtype=object))
        names = ("boxes", "txts", "scores")
        outputs = [InferRequestedOutput(name) for name in names]
        result = client.infer("ocr", [image], outputs=outputs, headers=headers)
        boxes, texts, scores = (result.as_numpy(name) for name in names)
        assert boxes.shape == (len(texts), 4, 2)
        assert scores.shape == (len(texts),)
        return "\n".join(text.decode() for text in texts)


run(read)
