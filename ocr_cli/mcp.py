"""`ocr-server mcp`: tools for an agent on this machine, over standard input and output (MCP)."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ocr_cli.config_argument import add_config_argument
from ocr_cli.recognize.local import InProcessReader
from ocr_cli.recognize.reader import OutputOptions, Reader, ReaderUnavailable, ReadingError
from ocr_cli.recognize.remote import ServerReader
from ocr_client.arguments import a_count, a_url
from ocr_client.exit_status import ExitStatus
from ocr_engine.images.pixel_files import as_file
from ocr_engine.result import Document
from server.agents.tools import AskedImage, SourceKind, ToolError
from server.intake.base64_image import decode_base64
from server.intake.file_roots import FileRoots
from server.settings.loading import SettingsError, load_settings
from server.settings.settings import Settings

DESCRIPTION = """Tools for an agent (a client of the Model Context Protocol) that starts this
command: recognize, search_text. Images are named by their path, inside the
folders of --root, or sent as data URLs. Without --url the engine runs in this
command, from the first image on.
"""
TIMEOUT_SECONDS = 300.0


def main(arguments: Sequence[str] | None = None, prog: str = "ocr-server mcp") -> int:
    """Serve the agent until it closes standard input; returns the exit status."""
    options = _parse(arguments, prog)
    try:
        workers = str(options.workers or 1)
        settings = load_settings(options.config, overrides={"ocr.process.number": workers})
    except SettingsError as error:
        print(f"{prog}: {error}", file=sys.stderr)
        return ExitStatus.NOT_STARTED
    try:
        from server.agents.protocol import agent_server
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("mcp", "mcp_types"):
            raise
        print(
            f"{prog}: needs the Python package mcp: pip install -r requirements/mcp.txt",
            file=sys.stderr,
        )
        return ExitStatus.NOT_STARTED
    service = LocalAgentService(settings, options.root, options.url)
    asyncio.run(_serve(agent_server(lambda _: service), service))
    return ExitStatus.OK


async def _serve(server: Any, service: LocalAgentService) -> None:
    from mcp.server.stdio import stdio_server

    try:
        async with stdio_server() as (reading, writing):
            await server.run(reading, writing, server.create_initialization_options())
    finally:
        await service.close()


class LocalAgentService:
    """Reads images with workers of this command, or with a running server; see AgentService."""

    sources: Sequence[SourceKind] = ("path", "image")
    has_jobs = False

    def __init__(self, settings: Settings, roots: Sequence[Path], url: Any) -> None:
        self._settings = settings
        self._max_bytes = int(settings.web_server.max_body_mb * (1 << 20))
        named = roots or [settings.resolve(root) for root in settings.web_server.filename_roots]
        self._roots = [root.resolve() for root in named]
        self._files = FileRoots(self._roots, self._max_bytes)
        self._url = url
        self._readers: dict[str, Reader] = {}
        self._starting = asyncio.Lock()

    async def read(self, image: AskedImage) -> Document:
        """See AgentService."""
        if image.kind == "path":
            data = await asyncio.to_thread(self._file, image.value)
        else:
            data = await asyncio.to_thread(decode_base64, image.value, self._max_bytes)
        try:
            reader = await self._reader(image.models)
            return (await reader.read(data)).document
        except ReadingError as error:
            raise ToolError(f"{error.code}: {error.message}", error.code) from None
        except ReaderUnavailable as error:
            raise ToolError(str(error), "starting") from None

    async def job(self, job_id: str) -> tuple[Mapping[str, Any], Document | None]:
        """See AgentService; never called, as there are no jobs here."""
        raise ToolError("there are no jobs here")

    async def close(self) -> None:
        """Stop the workers."""
        for reader in self._readers.values():
            await reader.close()

    def _file(self, path: str) -> bytes:
        opened = None
        try:
            opened = self._files.open(str(Path(path).expanduser()))
            return as_file(self._files.read(opened).data)
        except Exception as error:
            if opened is None:
                roots = ", ".join(map(str, self._roots))
                raise ToolError(
                    f"there is no such file in the folders {roots}; name a file in one of them, or "
                    "ask the user to start this tool with --root FOLDER",
                    "not_found",
                ) from error
            raise
        finally:
            if opened is not None:
                opened.close()

    async def _reader(self, models: str) -> Reader:
        """The reader for a model set, started when it is first needed."""
        async with self._starting:
            if models not in self._readers:
                output = OutputOptions(("json",), {"models": models} if models else {})
                reader: Reader
                if self._url is not None:
                    reader = ServerReader(self._url, output, 0, TIMEOUT_SECONDS)
                else:
                    reader = InProcessReader(self._settings, output)
                await reader.probe()
                await reader.start(self._settings.ocr.process.number)
                self._readers[models] = reader
            return self._readers[models]


def _parse(arguments: Sequence[str] | None, prog: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog=prog,
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--root", type=Path, action="append", default=[], metavar="DIR",
        help="a folder whose images may be read; several times for several; "
        "default: web_server.filename_roots")  # fmt: skip
    parser.add_argument("--workers", type=a_count, metavar="N", help="worker processes, default: 1")
    parser.add_argument("--url", type=a_url, help="a running server, which needs no key")
    add_config_argument(parser)
    return parser.parse_args(arguments)
