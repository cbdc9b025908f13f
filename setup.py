"""Starts the server with `python setup.py`. Packaging is in pyproject.toml; pip never runs this."""

import sys

from ocr_cli.main import PACKAGES
from ocr_client.interpreter import wrong_interpreter
from server.standard_streams import open_standard_streams


def launch() -> int:
    """Call server.main, or say which Python to use."""
    open_standard_streams()  # before anything that opens files is imported
    problem = wrong_interpreter(["setup.py", *sys.argv[1:]], PACKAGES)
    if problem is not None:
        print(f"ocr-server: {problem}", file=sys.stderr)
        return 2
    from server.main import main

    return main()


if __name__ == "__main__":
    sys.exit(launch())
