"""paddleocr's own client of the official job API."""

from cases import run
from paddleocr import Model, PaddleOCRClient


def read(url: str, key: str, file: str) -> str:
    """The text of the file."""
    client = PaddleOCRClient(token=key, base_url=url)
    result = client.ocr(file_path=file, model=Model.PP_OCRV6)
    (page,) = result.pages
    return "\n".join(page.pruned_result["rec_texts"])


run(read)
