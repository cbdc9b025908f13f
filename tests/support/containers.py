"""Container images and containers on this machine, with buildah and runc; needs root.

Images, layers and containers are in one folder and end with it. Containers use this machine's
network.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from server_programs import environment, find_program
from tests.support.program import Program
from tests.support.watching import wait_until

_NAMESPACES = ("pid", "ipc", "uts", "mount")
_DEVICES = "/dev", "tmpfs", ["nosuid", "strictatime", "mode=755", "size=65536k"]
_POLICY = {"default": [{"type": "insecureAcceptAnything"}]}  # images of this machine only


class ImageError(Exception):
    """buildah failed; the message is the end of what it printed."""


class Images:
    """Images in a folder. driver: `overlay`, or `vfs`, which copies every layer."""

    def __init__(self, folder: Path, driver: str) -> None:
        self._folder = folder
        self._driver = driver
        self._policy = folder / "policy.json"

    def buildah(self, command: str, *arguments: str | Path) -> str:
        """Run a command of buildah; what it prints, or ImageError."""
        self._policy.write_text(json.dumps(_POLICY))
        places = ["--root", self._folder / "images", "--runroot", self._folder / "running"]
        policy = ["--signature-policy", self._policy]
        asks = command in ("build", "commit", "from", "push")
        done = subprocess.run(
            list(map(str, [
                find_program("buildah"), *places, "--storage-driver", self._driver,
                command, *(policy if asks else ()), *arguments,
            ])),
            env={**environment(), "BUILDAH_ISOLATION": "oci"},
            stdin=subprocess.DEVNULL,
            stdout=None if command == "build" else subprocess.PIPE,
            stderr=None if command == "build" else subprocess.PIPE,
            text=True,
            check=False,
        )  # fmt: skip
        if done.returncode:
            said = done.stderr or "see above"
            raise ImageError(f"buildah {command}: {said[-2000:]}")
        return (done.stdout or "").strip()

    def unmount(self) -> None:
        """Unmount the folder of the layers, which buildah leaves mounted on itself."""
        layers = self._folder / "images" / self._driver
        if layers.is_mount():
            subprocess.run(["umount", "--recursive", str(layers)], check=True)

    def build(self, dockerfile: Path, context: Path, *options: str) -> None:
        """Build an image from images that are here, in Docker's format."""
        self.buildah(
            "build", "--pull=never", "--format", "docker", "--network", "host",
            "--runtime", find_program("runc"), "--file", dockerfile, *options, context,
        )  # fmt: skip

    def config(self, name: str) -> dict[str, Any]:
        """How the image wants to be run: User, Env, Entrypoint, Cmd, Healthcheck and so on."""
        inspected = json.loads(self.buildah("inspect", "--type", "image", name))
        found: dict[str, Any] = inspected["Docker"]["config"]
        return found

    def compressed_layers(self, name: str) -> list[int]:
        """The bytes of each layer as a registry would have it."""
        folder = self._folder / "pushed"
        self.buildah("push", name, f"oci:{folder}:latest")
        (entry,) = json.loads((folder / "index.json").read_text())["manifests"]
        manifest = folder / "blobs" / entry["digest"].replace(":", "/")
        return [layer["size"] for layer in json.loads(manifest.read_text())["layers"]]

    @contextlib.contextmanager
    def mounted(self, name: str) -> Iterator[Path]:
        """The root of a new container from the image."""
        container = self.buildah("from", "--pull=never", name)
        try:
            yield Path(self.buildah("mount", container))
        finally:
            self.buildah("rm", container)


class Container(Program):
    """An image that runc runs as its configuration says, with a root that is read-only."""

    def __init__(
        self,
        folder: Path,
        root: Path,
        config: Mapping[str, Any],
        volumes: Mapping[str, Path],
        variables: Mapping[str, str],
    ) -> None:
        super().__init__(folder, stop_seconds=60.0)
        self._root = root
        self._config = config
        self._volumes = volumes
        self._variables = variables
        self._state = folder / "runc"
        self._name = f"ocr-{os.getpid()}-{folder.name}"

    def start(self, port: int) -> None:
        """Start it, without waiting."""
        self.port = port
        (self.folder / "config.json").write_text(json.dumps(self._specification()))
        self.spawn(self._runc("run", "--bundle", str(self.folder), self._name))

    def execute(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the running container."""
        return subprocess.run(
            self._runc("exec", self._name, *command),
            env=environment(), capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    def check_health(self) -> subprocess.CompletedProcess[str]:
        """Run the health check of the image, which names a program and its arguments."""
        kind, *command = self._config["Healthcheck"]["Test"]
        assert kind == "CMD", "a shell would be needed"
        return self.execute(*command)

    def terminate(self) -> None:
        """The signal that the image asks for, to its first process."""
        subprocess.run(
            self._runc("kill", self._name, self._config["StopSignal"]),
            env=environment(), check=True,
        )  # fmt: skip

    def first_pid(self) -> int:
        """The pid of the container's first process, as this machine sees it."""
        state = subprocess.run(
            self._runc("state", self._name),
            env=environment(), capture_output=True, text=True, check=True,
        )  # fmt: skip
        pid: int = json.loads(state.stdout)["pid"]
        return pid

    def remove(self) -> None:
        """End and remove it, whatever its state."""
        subprocess.run(
            self._runc("delete", "--force", self._name),
            env=environment(), capture_output=True, check=False,
        )  # fmt: skip
        wait_until(lambda: not self.is_running, "the end of runc")

    def _runc(self, *arguments: str) -> list[str]:
        return [str(find_program("runc")), "--root", str(self._state), *arguments]

    def _specification(self) -> dict[str, Any]:
        """What runc reads of a container (the OCI runtime specification)."""
        user, _, group = self._config["User"].partition(":")
        variables = [f"{name}={value}" for name, value in self._variables.items()]
        none: dict[str, list[str]] = {
            kind: [] for kind in ("bounding", "effective", "inheritable", "permitted", "ambient")
        }
        return {
            "ociVersion": "1.0.0",
            "process": {
                "user": {"uid": int(user), "gid": int(group)},
                "args": [*self._config["Entrypoint"], *self._config["Cmd"]],
                "env": [*self._config["Env"], f"PORT={self.port}", *variables],
                "cwd": self._config.get("WorkingDir") or "/",
                "capabilities": none,
                "noNewPrivileges": True,
            },
            "root": {"path": str(self._root), "readonly": True},
            "mounts": [
                _mount("/proc", "proc", []),
                _mount(*_DEVICES),
                _mount("/dev/shm", "tmpfs", ["nosuid", "noexec", "nodev", "size=65536k"]),
                _mount("/tmp", "tmpfs", ["nosuid", "nodev", "mode=1777"]),
                *(_bind(place, folder) for place, folder in self._volumes.items()),
            ],
            "linux": {"namespaces": [{"type": each} for each in _NAMESPACES]},
        }


def _mount(place: str, kind: str, options: list[str]) -> dict[str, Any]:
    return {"destination": place, "type": kind, "source": kind, "options": options}


def _bind(place: str, folder: Path) -> dict[str, Any]:
    return {"destination": place, "type": "bind", "source": str(folder), "options": ["bind", "rw"]}
