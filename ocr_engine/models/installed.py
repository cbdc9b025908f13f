"""Which catalogue models are installed, from which wheel, and whether they are intact."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from importlib import metadata
from pathlib import Path

from ocr_engine.models.catalogue import CATALOGUE, CatalogueModel, CatalogueSet, Wheel
from ocr_engine.models.source import ModelFile, Role, digest_files

ROLES: tuple[Role, ...] = ("det", "cls", "rec")


class ModelState(Enum):
    """The state of a model's files."""

    INTACT = "intact"
    ALTERED = "altered"
    INCOMPLETE = "incomplete"
    NOT_INSTALLED = "not installed"

    @property
    def is_damage(self) -> bool:
        """Whether files are present but not as published."""
        return self in (ModelState.ALTERED, ModelState.INCOMPLETE)


@dataclass(frozen=True, slots=True)
class InstalledModel:
    """A catalogue model on this machine.

    sha256: digest of the files found; empty if any is missing.
    """

    set_name: str
    role: Role
    name: str
    wheel: str
    state: ModelState
    files: tuple[Path, ...]
    size_bytes: int
    sha256: str
    expected_sha256: str


def installed_models() -> list[InstalledModel]:
    """Every model of every set, with its files verified against the catalogue."""
    return [
        _inspect(set_name, entry, role) for set_name, entry in CATALOGUE.items() for role in ROLES
    ]


def _inspect(set_name: str, entry: CatalogueSet, role: Role) -> InstalledModel:
    model = entry.model(role)
    folder = model.wheel.folder()
    files = tuple(folder / name for name in _file_names(model)) if folder is not None else ()
    digest = ""
    if folder is None:
        state = ModelState.NOT_INSTALLED
    elif not all(path.is_file() for path in files):
        state = ModelState.INCOMPLETE
    else:
        digest = digest_files(ModelFile(files[0], files[1] if model.params else None))
        state = ModelState.INTACT if digest == model.sha256 else ModelState.ALTERED
    return InstalledModel(
        set_name=set_name,
        role=role,
        name=model.name,
        wheel=_installed(model.wheel),
        state=state,
        files=files,
        size_bytes=sum(path.stat().st_size for path in files if path.is_file()),
        sha256=digest,
        expected_sha256=model.sha256,
    )


def _file_names(model: CatalogueModel) -> list[str]:
    return [model.path, *([model.params] if model.params else [])]


def _installed(wheel: Wheel) -> str:
    """The installed wheel, else the required one."""
    distribution = wheel.requirement.partition("==")[0]
    try:
        return f"{distribution}=={metadata.version(distribution)}"
    except metadata.PackageNotFoundError:
        return wheel.requirement
