"""ocrspace: a file, and base64."""

import base64
from pathlib import Path

import ocrspace
from cases import run


def read(url: str, key: str, file: str) -> str:
    """The text of the file."""
    client = ocrspace.API(endpoint=f"{url}/parse/image", api_key=key)
    text = client.ocr_file(file)
    image = base64.b64encode(Path(file).read_bytes()).decode()
    assert client.ocr_base64(f"data:image/jpeg;base64,{image}") == text
    return text.replace("\r\n", "\n")


run(read)
