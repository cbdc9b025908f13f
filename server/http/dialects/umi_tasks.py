"""What Umi-OCR's API knows of a document besides its job: its name, its view, what was read."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from urllib.parse import quote

from server.http.dialects.umi_pages import View

MAX_TASKS = 1000
MAX_NAME_BYTES = 150  # as it is in a URL
UNNAMED = "document"


@dataclass(slots=True)
class Task:
    """A document. name: of its file. read: the pages that a client has got."""

    name: str = UNNAMED
    view: View = View()
    read: set[int] = field(default_factory=set)

    @property
    def stem(self) -> str:
        """The name without its ending."""
        return self.name.rpartition(".")[0] or self.name


class Tasks:
    """The tasks of all users, by their jobs; only in memory, the oldest are forgotten."""

    def __init__(self) -> None:
        self._tasks: OrderedDict[tuple[str, str], Task] = OrderedDict()

    def add(self, user: str, job_id: str, task: Task) -> None:
        """Another task."""
        self._tasks[user, job_id] = task
        if len(self._tasks) > MAX_TASKS:
            self._tasks.popitem(last=False)

    def of(self, user: str, job_id: str) -> Task:
        """The task of a job; one without a name if it is not known any more."""
        if (user, job_id) not in self._tasks:
            self.add(user, job_id, Task())
        return self._tasks[user, job_id]

    def forget(self, user: str, job_id: str) -> None:
        """The job was deleted."""
        self._tasks.pop((user, job_id), None)


def safe_name(given: str) -> str:
    """The name of a file as a client gave it, without folders, and not too long for a URL."""
    name = given.replace("\\", "/").rpartition("/")[2]
    name = "".join(each for each in name if each.isprintable()).strip(". ")
    stem, dot, ending = name.rpartition(".")
    while stem and len(quote(name)) > MAX_NAME_BYTES:
        stem = stem[:-1]
        name = f"{stem}{dot}{ending}"
    return name if stem or (name and len(quote(name)) <= MAX_NAME_BYTES) else UNNAMED
