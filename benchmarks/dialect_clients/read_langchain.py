"""langchain-paddleocr: its document loader, over the official job API."""

from cases import run
from langchain_paddleocr import PaddleOCRVLLoader
from pydantic import SecretStr


def read(url: str, key: str, file: str) -> str:
    """The text of the file."""
    loader = PaddleOCRVLLoader(file, access_token=SecretStr(key), base_url=url)
    (document,) = loader.load()
    return document.page_content


run(read)
