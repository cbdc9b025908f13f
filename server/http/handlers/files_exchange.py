"""A request with many files, each of which is stored as soon as it has arrived."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
from abc import abstractmethod
from collections.abc import Awaitable, Sequence
from typing import ClassVar

from tornado.httputil import HTTPHeaders, HTTPServerRequest

from ocr_engine.errors import PoolDraining, QueueFull
from server.blobs.store import Inputs
from server.errors import MissingFile, StillAccepting, StorageUnavailable
from server.http.context import ServerContext
from server.http.dialects.batches import BatchApi, CommonFields
from server.http.errors import public_error
from server.http.gate import require
from server.http.handlers.exchange import Exchange
from server.http.handlers.exchange_state import State
from server.http.handlers.once import answer_once, idempotency_key
from server.http.replies import Reply
from server.http.request_scope import RequestScope
from server.intake.body import BodyReader
from server.intake.fields import Form
from server.jobs.batch_record import Batches, BatchFile, NewBatch
from server.jobs.file_intake import FileIntake
from server.jobs.record import Claim, JobPage, Jobs, Kept
from server.principal import Scope


class FilesExchange(Exchange):
    """Stores each file while Tornado holds back the rest of the body; answers after the last.

    also_needs: the scopes besides `read` that all such requests need.
    """

    dialect: BatchApi
    also_needs: ClassVar[tuple[Scope, ...]] = ()

    def __init__(
        self,
        context: ServerContext,
        request: HTTPServerRequest,
        scope: RequestScope,
        dialect: BatchApi,
    ) -> None:
        super().__init__(context, request, scope, dialect)
        self._intake: FileIntake | None = None
        self._keeping = False
        self._deleting: asyncio.Task[None] | None = None

    @abstractmethod
    async def inputs(self) -> Inputs:
        """Where the images are kept until the answer; StorageUnavailable if that is impossible."""

    @abstractmethod
    async def reply(
        self, common: CommonFields, files: list[BatchFile], claim: Claim | None
    ) -> Reply:
        """Answer a request that contains these files; it must delete or use their images."""

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        """See Exchange; while files are kept, nothing more is read."""
        super().data_received(chunk)
        return (
            self._keep_arrived() if self._body.reader is not None and self.dialect.files else None
        )

    def body_complete(self, reader: BodyReader) -> None:
        """Answer in a task."""
        self.answer_with(self._answer(reader))

    def on_connection_close(self) -> None:
        """Delete what is kept, unless the request was complete."""
        receiving = self._state is State.RECEIVING
        super().on_connection_close()
        if receiving:
            self._delete_later()

    async def accepted(
        self,
        batches: Batches,
        files: Sequence[BatchFile],
        common: CommonFields,
        claim: Claim | None,
    ) -> Reply:
        """Make a batch of files with images in batches.inputs; if refused, delete the images."""
        try:
            requests = [(file, common.request(file, batches.inputs)) for file in files]
            if common.webhook_url is not None:
                await self.context.webhook_guard.admit(
                    common.webhook_url, self.scope.principal.user
                )
            await self.take_quota(len(files))
        except BaseException:
            await batches.inputs.delete([file.blob for file in files if file.blob])
            raise
        principal = self.scope.principal
        try:
            batch = await batches.accept(NewBatch(requests, common.webhook_url), principal, claim)
        except (QueueFull, StillAccepting):  # after other errors the rows may be there
            await batches.inputs.delete([file.blob for file in files if file.blob])
            raise
        self.scope.audit("batch_created", batch.batch_id, self.scope.received)
        jobs = await batches.jobs(principal.user, batch.batch_id, JobPage(limit=len(files)))
        return self.dialect.accepted(batch, jobs)

    async def take_quota(self, files: int) -> None:
        """Take one unit of the daily quota for each file but the first.

        The request itself has already taken that one.
        """
        if self.scope.admission is not None:
            await self.scope.admission.take_more(files - 1)

    def _prepare(self, headers: HTTPHeaders) -> None:
        try:
            for needed in self.also_needs:
                require(self.scope.principal, needed)
            idempotency_key(headers)
        except Exception as error:
            self._refuse(error)
        else:
            super()._prepare(headers)

    def _check_length(self, length: int) -> None:
        """Raise an error if the body is too large, or its next file cannot be received now."""
        more = length - self._body.held
        self.dialect.check_length(self.scope.received + more)
        self.context.inflight.check(min(more, self.dialect.files.max_bytes))

    def _refuse(self, error: Exception) -> None:
        super()._refuse(error)
        self._delete_later()

    async def _keep_arrived(self) -> None:
        """Keep the files that have arrived; the time limit for the next file starts again."""
        self._stream.expect_nothing()
        self._keeping = True
        try:
            if self._intake is None:
                self._intake = self._new_intake(await self.inputs())
            await self._intake.add(self.dialect.files.take_all())
        except Exception as error:
            if self._state is State.RECEIVING:
                self._refuse(error)
        finally:
            self._keeping = False
        if self._state is not State.RECEIVING:
            self._delete_later()
            return
        self._body.release(self._body.held - self.dialect.files.partial)
        self._body.expect_more()

    def _new_intake(self, inputs: Inputs) -> FileIntake:
        principal = self.scope.principal
        return FileIntake(
            self.context.service,
            self.context.sources,
            self.context.default_options,
            inputs,
            explain=public_error,
            allow=lambda needed: require(principal, needed),
            user=principal.user,
            max_bytes=self.dialect.files.max_bytes,
            hashed=idempotency_key(self.request.headers) is not None,
        )

    async def _answer(self, reader: BodyReader) -> Reply:
        try:
            form = reader.finish()
            if self.context.draining:
                raise PoolDraining("the server is stopping; send the images to another server")
            if self._intake is None:
                raise MissingFile("the request has no files; send them as the form parts `file`")
            common = self.dialect.parse_common(form)
            key = idempotency_key(self.request.headers)
            if key is None:
                return await self.reply(common, self._take_files(), None)
            return await self._answer_once(form, common, key, self._intake.fingerprint())
        finally:
            await self._delete()

    async def _answer_once(self, form: Form, common: CommonFields, key: str, files: str) -> Reply:
        """Answer a request that has the Idempotency-Key key.

        files: a fingerprint of the uploaded files.
        """
        named = [self.request.method, self.request.path, sorted(form.fields.items()), files]
        user = self.scope.principal.user

        async def replay(jobs: Jobs, kept: Kept) -> Reply:
            batches = jobs.batches()
            batch = await batches.get(user, kept.batch_id or "")
            page = JobPage(limit=batch.files)
            return self.dialect.accepted(batch, await batches.jobs(user, batch.batch_id, page))

        return await answer_once(
            self.context,
            user,
            key,
            hashlib.sha256(json.dumps(named).encode()).hexdigest(),
            lambda claim: self.reply(common, self._take_files(), claim),
            replay,
        )

    def _take_files(self) -> list[BatchFile]:
        """The files, for reply()."""
        assert self._intake is not None
        files, self._intake.files = self._intake.files, []
        return files

    def _delete_later(self) -> None:
        if not self._keeping:
            self._deleting = asyncio.ensure_future(self._delete())

    async def _delete(self) -> None:
        """Delete the files that were not taken."""
        if self._intake is not None:
            with contextlib.suppress(StorageUnavailable):  # they are deleted after an hour
                await self._intake.delete()
