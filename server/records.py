"""Opens what a server keeps: the database, usage, the audit log and the kept results."""

from __future__ import annotations

import logging

from server.database.storage import StorageError
from server.errors import StorageUnavailable
from server.http.context import ServerContext
from server.settings.loading import SettingsError

log = logging.getLogger("server")


async def open_records(context: ServerContext) -> None:
    """Open what the settings ask for: the database, usage, the audit log and the kept results.

    SettingsError if one of them is impossible here.
    """
    settings = context.settings
    is_node = context.node is not None
    needed = {
        "access.required": (settings.access.required, "keys cannot be checked"),
        "usage.enabled": (settings.usage.enabled, "usage waits in the journal"),
        "storage.watch": (settings.storage.watch, "objects wait"),
    }
    for name, (is_needed, meanwhile) in needed.items():
        if not is_needed or (is_node and name != "access.required"):
            continue
        try:
            await context.storage.open()
        except StorageError as error:
            raise SettingsError(f"{name} needs a database: {error}") from None
        except StorageUnavailable as error:
            log.warning("%s; until it does, %s", error, meanwhile)
    if settings.audit.path is not None:
        context.audit.start()
        try:
            context.audit.open()
        except OSError as error:
            raise SettingsError(f"audit.path: cannot write there: {error.strerror}") from None
    if settings.access.required or settings.access.admin_key is not None:
        context.use_keys()
    if settings.usage.enabled:
        context.usage.start()
    if context.kept_results is not None:
        await context.kept_results.restore()
