"""An S3 server of the tests' own (SeaweedFS), on free ports of this machine."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from server_programs import find_program
from tests.support.program import free_port
from tests.support.watching import wait_until

START_SECONDS = 60.0  # while other tests run, on a small machine
BUCKETS = ("scans", "texts", "more")
ACCESS_KEY, SECRET_KEY = "tests", "the secret of the tests"
_PORTS = ("master", "volume", "filer", "s3", "admin")


class SeaweedFS:
    """A server process with its own data folder and empty buckets.

    webhook: the URL that gets the events of its paths, with the token.
    """

    def __init__(self, webhook: str | None = None, token: str = "") -> None:
        self._program = find_program("weed")
        self._folder = Path(tempfile.mkdtemp(prefix="ocr-tests-s3-"))
        self.webhook = webhook
        self._token = token
        self._process: subprocess.Popen[bytes] | None = None
        self._ports = {name: free_port() for kind in _PORTS for name in (kind, f"{kind}.grpc")}

    def __enter__(self) -> SeaweedFS:
        if self.webhook is not None:
            (self._folder / "notification.toml").write_text(
                "[notification.webhook]\nenabled = true\n"
                f'endpoint = "{self.webhook}"\nbearer_token = "{self._token}"\n'
                'path_prefixes = ["/buckets/"]\n'
            )
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        ports = [
            f"-{name.replace('.grpc', '')}.port{'.grpc' if '.grpc' in name else ''}={port}"
            for name, port in self._ports.items()
        ]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *(str(self._program), "mini", f"-dir={self._folder}", "-ip=127.0.0.1"),
                    *("-ip.bind=127.0.0.1", "-webdav=false", "-admin.ui=false"),
                    *("-s3.port.iceberg=0", "-s3.port.lance=0", "-master.telemetry=false"),
                    f"-filer.localSocket={self._folder}/filer.sock",
                    f"-s3.localSocket={self._folder}/s3.sock",
                    f"-bucket={','.join(BUCKETS)}",
                    *ports,
                ],
                cwd=self._folder,
                env={
                    **os.environ,
                    "AWS_ACCESS_KEY_ID": ACCESS_KEY,
                    "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
                },
                stdout=log,
                stderr=log,
            )
        wait_until(self._answers, "SeaweedFS", START_SECONDS)

    def stop(self) -> None:
        """Kill it; what was stored stays."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(30)
            self._process = None

    @property
    def endpoint(self) -> str:
        """Its URL."""
        return f"http://127.0.0.1:{self._ports['s3']}"

    @property
    def settings(self) -> dict[str, Any]:
        """The settings of `storage` with which its buckets can be used."""
        return {
            "endpoint": self.endpoint,
            "region": "us-east-1",
            "access_key_id": ACCESS_KEY,
            "secret_access_key": SECRET_KEY,
        }

    @property
    def environment(self) -> dict[str, str]:
        """The same in the environment of a command."""
        return {f"OCR_STORAGE__{name.upper()}": value for name, value in self.settings.items()}

    def store(self, bucket: str = "scans") -> S3Store:
        """A client of one of its buckets."""
        return S3Store(
            bucket,
            config={**self.settings},  # type: ignore[arg-type]
            client_options={"allow_http": True},
            retry_config={"max_retries": 0},
        )

    def put(self, key: str, data: bytes, bucket: str = "scans") -> str:
        """Put an object; its etag."""
        made = obstore.put(self.store(bucket), key, data)
        return str(made["e_tag"]).strip('"')

    def get(self, key: str, bucket: str = "scans") -> bytes:
        """The bytes of an object; FileNotFoundError if there is none."""
        return bytes(obstore.get(self.store(bucket), key).bytes())

    def metadata(self, key: str, bucket: str = "scans") -> Mapping[str, Any]:
        """Its Content-Type and metadata."""
        return dict(obstore.get(self.store(bucket), key, options={"head": True}).attributes)

    def delete(self, key: str, bucket: str = "scans") -> None:
        """Delete an object."""
        obstore.delete(self.store(bucket), key)

    def keys(self, prefix: str = "", bucket: str = "scans") -> list[str]:
        """The keys below a prefix, sorted."""
        found = obstore.list(self.store(bucket), prefix or None).collect()
        return sorted(meta["path"] for meta in found)

    def empty(self) -> None:
        """Delete everything."""
        for bucket in BUCKETS:
            for key in self.keys(bucket=bucket):
                self.delete(key, bucket)

    def _answers(self) -> bool:
        assert self._process is not None
        log = (self._folder / "log").read_text(errors="replace")
        assert self._process.poll() is None, f"SeaweedFS has ended:\n{log[-2000:]}"
        with contextlib.suppress(BaseError, OSError):
            for bucket in BUCKETS:
                self.keys(bucket=bucket)
            return True
        return False
