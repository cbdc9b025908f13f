"""Makes the limits and the quota from the settings."""

from __future__ import annotations

import hashlib

from server.database.location import Location, state_folder
from server.database.storage import Storage
from server.settings.settings import Settings
from server.settings.time_zones import time_zone
from server.users.days import Days
from server.users.effective_limits import DefaultLimits
from server.users.quota import Quota


def default_limits(settings: Settings) -> DefaultLimits:
    """The limits of addresses, and of keys without limits of their own."""
    return DefaultLimits(
        address_per_minute=settings.limits.address_per_minute,
        rate_per_minute=settings.limits.rate_per_minute,
        concurrency=settings.limits.concurrency,
        max_body_mb=settings.limits.max_body_mb,
        daily_quota=settings.quota.daily,
        count_hits=settings.quota.count_hits,
    )


def build_quota(settings: Settings, storage: Storage, location: Location) -> Quota:
    """The daily quota in a database; each database has its own folder for journals."""
    database = hashlib.sha256(location.shown.encode()).hexdigest()[:8]
    folder = state_folder() / "leases" / database
    return Quota(storage, folder, Days(time_zone(settings.quota.timezone)))
