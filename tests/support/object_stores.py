"""An S3 server of the tests' own (SeaweedFS), on free ports of this machine."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from typing import Any, Self

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from server_programs import find_program
from tests.support.data_server import DataServer
from tests.support.program import free_port

BUCKETS = ("scans", "texts", "more")
ACCESS_KEY, SECRET_KEY = "tests", "the secret of the tests"
_PORTS = ("master", "volume", "filer", "s3", "admin")


class SeaweedFS(DataServer):
    """A server process with its own data folder and empty buckets.

    webhook: the URL that gets the events of its paths, with the token.
    """

    name = "SeaweedFS"

    def __init__(self, webhook: str | None = None, token: str = "") -> None:
        super().__init__()
        self._program = find_program("weed")
        self.webhook = webhook
        self._token = token
        self._stores: dict[str, S3Store] = {}
        self._ports = {name: free_port() for kind in _PORTS for name in (kind, f"{kind}.grpc")}

    def __enter__(self) -> Self:
        if self.webhook is not None:
            (self._folder / "notification.toml").write_text(
                "[notification.webhook]\nenabled = true\n"
                f'endpoint = "{self.webhook}"\nbearer_token = "{self._token}"\n'
                'path_prefixes = ["/buckets/"]\n'
            )
        return super().__enter__()

    def start(self) -> None:
        """See DataServer."""
        ports = [
            f"-{name.replace('.grpc', '')}.port{'.grpc' if '.grpc' in name else ''}={port}"
            for name, port in self._ports.items()
        ]
        command = [
            *(str(self._program), "mini", f"-dir={self._folder}", "-ip=127.0.0.1"),
            *("-ip.bind=127.0.0.1", "-webdav=false", "-admin.ui=false"),
            *("-s3.port.iceberg=0", "-s3.port.lance=0", "-master.telemetry=false"),
            f"-filer.localSocket={self._folder}/filer.sock",
            f"-s3.localSocket={self._folder}/s3.sock",
            f"-bucket={','.join(BUCKETS)}",
            *ports,
        ]
        keys = {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY}
        self.launch(command, {**os.environ, **keys})

    def answers(self) -> bool:
        """See DataServer."""
        with contextlib.suppress(BaseError, OSError):
            for bucket in BUCKETS:
                self.keys(bucket=bucket)
            return True
        return False

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
        if bucket not in self._stores:
            self._stores[bucket] = S3Store(
                bucket,
                config={**self.settings},  # type: ignore[arg-type]
                client_options={"allow_http": True},
                retry_config={"max_retries": 0},
            )
        return self._stores[bucket]

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
