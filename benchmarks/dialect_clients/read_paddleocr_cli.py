"""paddleocr-cli: its client of /layout-parsing, and its test of a connection.

All its releases have a syntax error in `__init__.py`, so its modules are imported without that.
"""

import importlib.util
import sys
from types import ModuleType

from cases import run

package = ModuleType("paddleocr_cli")
found = importlib.util.find_spec("paddleocr_cli")
assert found is not None
package.__path__ = list(found.submodule_search_locations or ())
sys.modules["paddleocr_cli"] = package

from paddleocr_cli.config import Config, PaddleOCRConfig  # noqa: E402
from paddleocr_cli.ocr import PaddleOCRClient  # noqa: E402


def read(url: str, key: str, file: str) -> str:
    """The text of the file."""
    client = PaddleOCRClient(Config(paddleocr=PaddleOCRConfig(server_url=url, access_token=key)))
    reached, message = client.test_connection()
    assert reached, message
    result = client.ocr_file(file)
    if not result.success:
        raise RuntimeError(result.error_message)
    return result.full_markdown


run(read)
