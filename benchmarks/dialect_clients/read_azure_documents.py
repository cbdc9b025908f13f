"""azure-ai-documentintelligence: prebuilt-read, and its searchable PDF."""

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
    poller = client.begin_analyze_document("prebuilt-read", body, output=["pdf"])
    assert poller.result().content == result.content
    operation = poller.details["operation_id"]
    pdf = b"".join(client.get_analyze_result_pdf("prebuilt-read", operation))
    assert pdf.startswith(b"%PDF")
    return result.content


run(read)
