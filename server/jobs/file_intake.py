"""Stores the files of a batch, one after the other, as they arrive."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence

from ocr_engine.errors import EngineError, PoolDraining, PoolStarting, QueueFull
from ocr_engine.options import RecognitionOptions
from server.blobs.store import Inputs
from server.errors import BadRequest, BodyTooLarge, ServiceError, StorageUnavailable
from server.intake.fields import INLINE_BYTES, Form
from server.intake.files import ArrivedFile
from server.intake.request_fields import FILE_FIELDS, check_known, own_options, parse_request
from server.intake.sources import ImageSources
from server.intake.text_bodies import parse_json
from server.jobs.batch_record import BatchFile
from server.jobs.record import JobError, KnownJobError
from server.principal import Scope
from server.service.service import OcrService

AT_ONCE = 4
FOR_ALL = (BadRequest, StorageUnavailable, QueueFull, PoolStarting, PoolDraining)


class FileIntake:
    """Checks the files of one request and keeps their images.

    explain: turns an error into what clients see. allow: NotAllowed if the user may not use such a
    source. max_bytes: of an image. hashed: whether fingerprint() is needed.
    """

    def __init__(
        self,
        service: OcrService,
        sources: ImageSources,
        defaults: RecognitionOptions,
        inputs: Inputs,
        explain: Callable[[BaseException], JobError],
        allow: Callable[[Scope], None],
        user: str,
        max_bytes: int,
        hashed: bool,
    ) -> None:
        self.files: list[BatchFile] = []
        self._service = service
        self._sources = sources
        self._defaults = defaults
        self._inputs = inputs
        self._explain = explain
        self._allow = allow
        self._user = user
        self._max_bytes = max_bytes
        self._hasher = hashlib.sha256() if hashed else None

    async def add(self, arrived: Sequence[ArrivedFile]) -> None:
        """Keep these files, a few at a time.

        A file that is not accepted gets its own error. Raises an error only if the whole request
        or the server is at fault; some of the files may be stored by then.
        """
        for start in range(0, len(arrived), AT_ONCE):
            several = arrived[start : start + AT_ONCE]
            if self._hasher is not None:
                await asyncio.to_thread(_hash, self._hasher, several)
            kept = await asyncio.gather(*map(self._keep, several), return_exceptions=True)
            self.files += [file for file in kept if isinstance(file, BatchFile)]
            for error in kept:
                if isinstance(error, BaseException):
                    raise error

    def fingerprint(self) -> str:
        """What identifies the files that have been added."""
        assert self._hasher is not None
        return self._hasher.hexdigest()

    async def delete(self) -> None:
        """Delete the stored images."""
        blobs = [file.blob for file in self.files if file.blob]
        self.files = []
        await self._inputs.delete(blobs)

    async def _keep(self, arrived: ArrivedFile) -> BatchFile:
        try:
            return await self._kept(arrived)
        except FOR_ALL:
            raise
        except (ServiceError, EngineError) as error:
            shown = self._explain(error)
            return BatchFile(error=KnownJobError(shown.code, shown.message))

    async def _kept(self, arrived: ArrivedFile) -> BatchFile:
        form = await self._form(arrived)
        check_known(form.fields, FILE_FIELDS)
        request = parse_request(form, self._sources, self._defaults)
        self._allow(request.source.scope)
        image, digests = await self._service.identify(request, self._user)
        if len(image) > self._max_bytes:
            raise self._too_large()
        blob = await self._inputs.put(image)
        return BatchFile(own_options(form.fields), blob, len(image), digests)

    async def _form(self, arrived: ArrivedFile) -> Form:
        data = arrived.data
        if data is None:
            raise self._too_large()
        if not arrived.is_json:
            return Form({}, data)
        if len(data) <= INLINE_BYTES:
            return Form(parse_json(data))
        return Form(await asyncio.to_thread(parse_json, data))

    def _too_large(self) -> BodyTooLarge:
        return BodyTooLarge(f"the file is larger than the limit of {self._max_bytes} bytes")


def _hash(hasher: hashlib._Hash, arrived: Sequence[ArrivedFile]) -> None:
    for each in arrived:
        hasher.update(b"%d:" % (-1 if each.data is None else len(each.data)))
        hasher.update(each.data or b"")
