"""baidu-aip, with its hosts replaced by the server's."""

from pathlib import Path

from aip import AipOcr
from aip.base import AipBase
from cases import run


class Redirected(AipOcr):
    """Its addresses are private attributes."""

    def __init__(self, url: str, key: str) -> None:
        host = "https://aip.baidubce.com"
        for name in ("generalBasic", "general", "accurateBasic", "accurate"):
            attribute = f"_AipOcr__{name}Url"
            setattr(self, attribute, getattr(self, attribute).replace(host, url))
        self._AipBase__accessTokenUrl = f"{url}/oauth/2.0/token"
        super().__init__("app", "ocr-server", key)

    def _getAuthFilePath(self) -> str:
        return "/dev/null"  # no token of an earlier run


def read(url: str, key: str, file: str) -> str:
    """The text of the file."""
    assert issubclass(Redirected, AipBase)
    client = Redirected(url, key)
    answer = client.general(Path(file).read_bytes(), {"detect_direction": "true"})
    if "error_code" in answer:
        raise RuntimeError(f"{answer['error_code']}: {answer['error_msg']}")
    assert answer["words_result_num"] == len(answer["words_result"])
    assert all(line["location"]["width"] > 0 for line in answer["words_result"])
    return "\n".join(line["words"] for line in answer["words_result"])


run(read)
