"""azure-cognitiveservices-vision-computervision: Read 3.2, and the older OCR."""

import time
from pathlib import Path

from azure.cognitiveservices.vision.computervision import ComputerVisionClient
from cases import run
from msrest.authentication import CognitiveServicesCredentials


def read(url: str, key: str, file: str) -> str:
    """The text of the file."""
    client = ComputerVisionClient(url, CognitiveServicesCredentials(key))
    client.config.retry_policy.retries = 0
    with Path(file).open("rb") as image:
        started = client.read_in_stream(image, raw=True)
    operation = started.headers["Operation-Location"].split("/")[-1]
    for _ in range(60):
        result = client.get_read_result(operation)
        if result.status not in ("notStarted", "running"):
            break
        time.sleep(0.5)
    assert result.status == "succeeded", result.additional_properties
    pages = result.analyze_result.read_results
    assert all(
        len(word.bounding_box) == 8 for page in pages for line in page.lines for word in line.words
    )
    with Path(file).open("rb") as image:
        printed = client.recognize_printed_text_in_stream(image)
    assert printed.regions
    return "\n".join(line.text for page in pages for line in page.lines)


run(read)
