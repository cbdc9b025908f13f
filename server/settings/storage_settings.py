"""The settings of objects that are read without a request, and of where their results go."""

from __future__ import annotations

from dataclasses import dataclass

from server.settings.constraints import Choice, Nullable, Number, Text
from server.settings.declared import setting
from server.settings.network_constraints import HttpUrl
from server.settings.places import BucketPlaceList, ResultPlaceList, SuffixList
from server.settings.secrets import Secret, SecretText


@dataclass(frozen=True, slots=True)
class StorageSettings:
    """Places that are watched, and how their objects are read. watch: if empty, nothing is.

    events_token: None: no events are accepted, objects are found by listing. endpoint, region and
    the keys: None: as the environment of the process says, in the variables of AWS.
    """

    watch: tuple[str, ...] = setting(BucketPlaceList(), ())
    results: tuple[str, ...] = setting(ResultPlaceList(), ())
    format: str = setting(Choice("json", "text", "tsv", "hocr", "alto", "markdown"), "json")
    suffixes: tuple[str, ...] = setting(SuffixList(), ())
    list_seconds: float = setting(Number(0, 86_400), 300.0)
    weight: float = setting(Number(0.01, 100), 1.0)
    events_token: Secret | None = setting(Nullable(SecretText()), None)
    endpoint: str | None = setting(Nullable(HttpUrl()), None)
    region: str | None = setting(Nullable(Text()), None)
    access_key_id: str | None = setting(Nullable(Text()), None)
    secret_access_key: Secret | None = setting(Nullable(SecretText()), None)
