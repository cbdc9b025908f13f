"""azure-ai-documentintelligence: prebuilt-read."""

from pathlib import Path

from azure.ai.documentintelligence import DocumentIntelligenceClient
from azure.ai.documentintelligence.models import AnalyzeDocumentRequest
from azure.core.credentials import AzureKeyCredential
from cases import run


def read(url: str, key: str, file: str) -> str:
    """The text of the file."""
    client = DocumentIntelligenceClient(
        url, AzureKeyCredential(key), enforce_https=False, retry_total=0
    )
    body = AnalyzeDocumentRequest(bytes_source=Path(file).read_bytes())
    result = client.begin_analyze_document("prebuilt-read", body).result()
    (page,) = result.pages
    for word in page.words:
        start = word.span.offset
        assert result.content[start : start + word.span.length] == word.content
    return result.content


run(read)
