"""mistralai: /v1/ocr with a data URL, and with a file that was uploaded."""

import base64
from pathlib import Path

from cases import run
from mistralai.client import Mistral


def read(url: str, key: str, file: str) -> str:
    """The text of the file."""
    client = Mistral(api_key=key, server_url=url)
    data = Path(file).read_bytes()
    image = base64.b64encode(data).decode()
    document = {"type": "image_url", "image_url": f"data:image/jpeg;base64,{image}"}
    answer = client.ocr.process(
        model="mistral-ocr-latest",
        document=document,
        include_blocks=True,
        confidence_scores_granularity="page",
    )
    page = answer.pages[0]
    assert page.blocks
    assert page.confidence_scores is not None
    name = Path(file).name
    upload = client.files.upload(file={"file_name": name, "content": data}, purpose="ocr")
    signed = client.files.get_signed_url(file_id=upload.id, expiry=1)
    document = {"type": "document_url", "document_url": signed.url}
    again = client.ocr.process(model="mistral-ocr-latest", document=document)
    assert client.files.delete(file_id=upload.id).deleted
    assert again.pages[0].markdown == page.markdown
    return page.markdown


run(read)
