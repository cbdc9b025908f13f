"""Completes the list of an image's Python packages, in CycloneDX, with its Debian packages.

    python image_sbom.py PYTHON.json DEBIAN.tsv VERSION > sbom.cdx.json

deploy/container/sbom.Dockerfile runs it in the image: PYTHON.json is from cyclonedx-py, DEBIAN.tsv
from dpkg-query, with name, version and architecture in each line.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

IMAGE = "ocr-server"


def complete(bom: dict[str, Any], debian: str, version: str) -> dict[str, Any]:
    """The list with the packages of Debian, and the image as what it describes."""
    image = {"type": "container", "bom-ref": IMAGE, "name": IMAGE, "version": version}
    packages = [_component(line) for line in debian.splitlines()]
    return {
        **bom,
        "metadata": {**bom["metadata"], "component": image},
        "components": [*bom["components"], *packages],
    }


def _component(line: str) -> dict[str, str]:
    name, version, architecture = line.split("\t")
    purl = f"pkg:deb/debian/{quote(name)}@{quote(version)}?arch={architecture}"
    return {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}


def main() -> int:
    """Print the whole list; returns the exit status, 1 if it does not fit CycloneDX's schema."""
    # of requirements/sbom.txt, which only the stage that runs this has
    from cyclonedx.schema import SchemaVersion  # type: ignore[import-not-found]
    from cyclonedx.validation.json import (  # type: ignore[import-not-found]
        JsonStrictValidator,
    )

    python, debian, version = sys.argv[1:]
    bom = json.loads(Path(python).read_text(encoding="utf-8"))
    text = json.dumps(complete(bom, Path(debian).read_text(encoding="utf-8"), version), indent=2)
    problem = JsonStrictValidator(SchemaVersion.from_version(bom["specVersion"])).validate_str(text)
    if problem is not None:
        print(f"image_sbom: {problem}", file=sys.stderr)
        return 1
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
