"""The place of the database, from the settings and the environment."""

from __future__ import annotations

from server.database.location import Location, LocationError, locate, state_folder
from server.settings.loading import SettingsError
from server.settings.settings import Settings


def database_location(settings: Settings) -> Location:
    """The database of these settings; SettingsError if they name one that is not accepted."""
    url = settings.database.url
    try:
        return locate(url.reveal() if url is not None else None, state_folder())
    except LocationError as error:
        raise SettingsError(f"database.url: {error}") from None
