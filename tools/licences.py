"""The list of licences in docs/licences.md, from the lock files and the installed packages.

    .venv/bin/python tools/licences.py

A test compares its packages with the lock files.
"""

from __future__ import annotations

import re
import sys
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "licences.md"
INSTALLS = {
    "slim": ("slim.txt", "slim-models.txt"),
    "full": ("full.txt", "models.txt"),
    "documents": ("documents.txt",),
    "pdfa": ("pdfa.txt",),
    "postgresql": ("postgresql.txt",),
    "heif": ("heif.txt",),
    "s3": ("s3.txt",),
    "watch": ("watch.txt",),
    "cluster": ("cluster.txt",),
    "mcp": ("mcp.txt",),
    "otel": ("otel.txt",),
    "remote": ("remote.txt",),
    "tiny": ("tiny-models.txt",),
    "lambda": ("lambda.txt",),
}
NOT_INSTALLED = {
    "async-timeout": "Apache-2.0",  # before Python 3.11.3
    "awslambdaric": "Apache-2.0",
    "opencv-python-headless": "Apache-2.0",  # the full install has another OpenCV
    "simplejson": "MIT OR AFL-2.1",
    "snapshot-restore-py": "Apache-2.0",
}
# What a wheel contains counts more than the licence of its own code, which its metadata states.
OF_THE_WHEEL = {"pillow-heif": "GPL-2.0-only"}
NEVER_ON_LINUX = re.compile(r"sys_platform == '(emscripten|win32|darwin)'")
SPDX = {
    "Apache License 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "MIT License": "MIT",
    "BSD License": "BSD-3-Clause",
    "3-Clause BSD License": "BSD-3-Clause",
    "Python Software Foundation License": "PSF-2.0",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "GNU Lesser General Public License v2 or later (LGPLv2+)": "LGPL-2.1-or-later",
    "GNU Library or Lesser General Public License (LGPL)": "LGPL-3.0-or-later",
    "BSD License AND Apache Software License": "Apache-2.0, BSD-3-Clause",
    "BSD-3-Clause, Apache-2.0, dependency licenses": "BSD-3-Clause, Apache-2.0",
}
HEAD = """\
# Licences

The server is under [Apache-2.0](https://www.apache.org/licenses/LICENSE-2.0), and so are the models
of PaddleOCR that come with it. It installs the packages below. None of them is under the AGPL or
forbids commercial use. Those under the LGPL and MPL are used unchanged, as separate packages. The
optional pillow-heif is under the GPL: [what that means](operations.md#heic).

Some packages contain further libraries, under licences of their own, which the packages name in
their `*.dist-info`: OpenCV contains FFmpeg (LGPL-2.1), for example.

`.venv/bin/python tools/licences.py` writes this page from the packages' own metadata.

| package | licence | installed by |
| --- | --- | --- |
"""


def main() -> int:
    """Write the page; returns the exit status."""
    page = HEAD + "".join(
        f"| {name} | {licence(name)} | {', '.join(installs)} |\n"
        for name, installs in sorted(packages().items())
    )
    PAGE.write_text(page, encoding="utf-8")
    return 0


def packages() -> dict[str, list[str]]:
    """The packages of all lock files that users install, with the installs that have them."""
    found: dict[str, list[str]] = {}
    for install, files in INSTALLS.items():
        for file in files:
            for name in locked(ROOT / "requirements" / file):
                installs = found.setdefault(name, [])
                if install not in installs:
                    installs.append(install)
    return found


def locked(path: Path) -> list[str]:
    """The names of the packages of a lock file that are for Linux."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [
        re.split(r"[\[= ]", line)[0]
        for line in lines
        if re.match(r"[A-Za-z0-9]", line) and not NEVER_ON_LINUX.search(line)
    ]


def licence(name: str) -> str:
    """The licence of a package as its metadata states it, by its SPDX name if that is known."""
    if name in OF_THE_WHEEL:
        return OF_THE_WHEEL[name]
    try:
        about = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        return NOT_INSTALLED[name]
    if "License-Expression" in about:
        return about["License-Expression"]
    classifiers = [
        classifier.rpartition(" :: ")[2]
        for classifier in about.get_all("Classifier", [])
        if classifier.startswith("License ::") and not classifier.endswith("OSI Approved")
    ]
    stated = " AND ".join(classifiers) or about["License"].partition("\n")[0]
    return SPDX.get(stated, stated)


if __name__ == "__main__":
    sys.exit(main())
