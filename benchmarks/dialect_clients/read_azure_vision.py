"""azure-ai-vision-imageanalysis: the feature READ."""

from pathlib import Path

from azure.ai.vision.imageanalysis import ImageAnalysisClient
from azure.ai.vision.imageanalysis.models import VisualFeatures
from azure.core.credentials import AzureKeyCredential
from cases import run


def read(url: str, key: str, file: str) -> str:
    """The text of the file."""
    client = ImageAnalysisClient(url, AzureKeyCredential(key), enforce_https=False, retry_total=0)
    result = client.analyze(Path(file).read_bytes(), visual_features=[VisualFeatures.READ])
    lines = [line for block in result.read.blocks for line in block.lines]
    assert all(len(word.bounding_polygon) == 4 for line in lines for word in line.words)
    return "\n".join(line.text for line in lines)


run(read)
