"""Render the project's images from the texts in tools/pages.

These are the test images (tests/data), the samples (imgs) and the pages of small print
(benchmarks/small_print). The same seed, fonts and libraries give the same bytes. `--check`
renders into a temporary folder and exits with 1 if the committed files differ. FreeType draws the
letters from the installed fonts, and Pillow's libraries compress them, so other versions may give
other bytes. The manifests record the versions under "made_with", and `--check` reports
differences.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from pages.fonts import MissingFontError
from pages.gallery import (
    MANIFEST,
    PAGES,
    SAMPLES,
    SMALL_PRINT_MANIFEST,
    SMALL_PRINT_PAGES,
    made_with,
    render_all,
)

REPOSITORY = Path(__file__).resolve().parent.parent


def main() -> int:
    """Render or check; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--check", action="store_true", help="compare, change nothing")
    parser.add_argument("--root", type=Path, default=REPOSITORY, help="the repository")
    arguments = parser.parse_args()
    try:
        if arguments.check:
            return check(arguments.root)
        total = write(arguments.root)
    except MissingFontError as error:
        print(f"render_pages: {error}", file=sys.stderr)
        return 2
    print(f"render_pages: {total} bytes written under {arguments.root}")
    return 0


def write(root: Path) -> int:
    """Write all files under root and delete obsolete images; returns the total size."""
    files = render_all()
    for name in sorted(_present(root) - set(files)):
        (root / name).unlink()
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return sum(len(content) for content in files.values())


def check(root: Path) -> int:
    """Render into a temporary folder, and print the files that differ; returns 1 if any does."""
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder)
        write(fresh)
        names = _present(root) | _present(fresh)
        different = [name for name in sorted(names) if _read(root, name) != _read(fresh, name)]
    for name in different:
        print(f"render_pages: differs: {name}", file=sys.stderr)
    if different:
        _explain(root)
    return 1 if different else 0


def _explain(root: Path) -> None:
    """Print the versions that differ from the recorded ones."""
    recorded = json.loads(_read(root, MANIFEST) or b"{}").get("made_with", {})
    for name, version in made_with().items():
        if recorded.get(name) != version:
            print(f"render_pages: {name} was {recorded.get(name)}, here {version}", file=sys.stderr)


def _present(root: Path) -> set[str]:
    """The files under root that this tool writes."""
    folders = (root / PAGES, root / SAMPLES, root / SMALL_PRINT_PAGES)
    files = [path for folder in folders for path in folder.glob("*") if path.is_file()]
    names = {path.relative_to(root).as_posix() for path in files}
    manifests = {name for name in (MANIFEST, SMALL_PRINT_MANIFEST) if (root / name).is_file()}
    return names | manifests


def _read(root: Path, name: str) -> bytes | None:
    path = root / name
    return path.read_bytes() if path.is_file() else None


if __name__ == "__main__":
    sys.exit(main())
