"""A base image of Debian, made with debootstrap where no registry can be reached; needs root."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from server_programs import environment, find_program
from tests.support.containers import Images

RELEASE = "trixie"
NAME = f"debian:{RELEASE}-slim"
# The slim images of Debian do not have these either, and keep nothing that apt has downloaded.
_NOT_IN_SLIM = ("usr/share/doc", "usr/share/man", "usr/share/info", "usr/share/locale")
_LEFT_OVER = ("var/cache/apt", "var/lib/apt/lists", "var/log")
_APT = """\
APT::Keep-Downloaded-Packages "false";
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb"; };
"""


def make_base(images: Images) -> None:
    """Make the image NAME, from the mirror that this machine's apt uses."""
    container = images.buildah("from", "scratch")
    root = Path(images.buildah("mount", container))
    mirror = _mirror()
    script = find_program("debootstrap")
    data = script.parents[1] / "share" / "debootstrap"
    subprocess.run(
        [str(script), "--variant=minbase", RELEASE, str(root), mirror],
        env={**environment(), "DEBOOTSTRAP_DIR": str(data), "DPKG_FORCE": "unsafe-io"},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    for name in _NOT_IN_SLIM + _LEFT_OVER:
        shutil.rmtree(root / name, ignore_errors=True)
    for name in ("var/cache/apt/archives/partial", "var/lib/apt/lists/partial", "var/log"):
        (root / name).mkdir(parents=True, exist_ok=True)
    (root / "etc/apt/apt.conf.d/slim").write_text(_APT)
    excluded = "".join(f"path-exclude=/{name}/*\n" for name in _NOT_IN_SLIM)
    (root / "etc/dpkg/dpkg.cfg.d/slim").write_text(excluded)
    images.buildah("config", "--cmd", "bash", container)
    images.buildah("commit", "--rm", container, NAME)


def _mirror() -> str:
    """The URL of the mirror of Debian that apt uses."""
    shown = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI) $(ORIGIN) $(RELEASE)"],
        env=os.environ, capture_output=True, text=True, check=True,
    )  # fmt: skip
    for line in shown.stdout.splitlines():
        url, origin, release = line.split()
        if origin == "Debian" and "-" not in release:
            return url
    raise RuntimeError("apt has no mirror of Debian; is this Debian, and did apt-get update run?")
