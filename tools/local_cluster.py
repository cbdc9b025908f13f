"""A cluster on this machine, for trying it out, as `make cluster` and `make cluster-down` run it.

python tools/local_cluster.py up [--nodes 2] [--fronts 2] [--workers 1] [--port 8080]
python tools/local_cluster.py down

nginx, RabbitMQ, two Redis, PostgreSQL, front ends and nodes run on loopback, with their data, logs
and process ids in one folder, which `down` deletes.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from cluster_parts import ClusterPlan, Part, create_database, remove_data
from server_programs import ROOT, NoProgram

START_SECONDS = 180.0
PORT = 8080


class CannotStart(Exception):
    """A part has ended, or does not answer; the message has the end of its log."""


class LocalCluster:
    """Starts, kills and stops the parts of a plan; what runs is known by files with process ids."""

    def __init__(self, plan: ClusterPlan) -> None:
        self.plan = plan
        self.parts: dict[str, Part] = {}

    def start_all(self, answered: Callable[[str], None] = lambda name: None) -> None:
        """Start everything, each part when those before it answer; answered: told each name."""
        self.parts = {part.name: part for part in self.plan.parts()}
        for folder in ("pids", "logs"):
            (self.plan.folder / folder).mkdir(exist_ok=True)
        for name, part in self.parts.items():
            if not name.startswith(("node", "front")):
                self.start(name)
                self.wait_for(name)
                answered(name)
            else:
                self.start(name)
            if part.name == "postgresql":
                create_database(self.plan)
        for name in self.parts:
            self.wait_for(name)
            if name.startswith(("node", "front")):
                answered(name)

    def start(self, name: str) -> None:
        """Start a part, without waiting for it."""
        part = self.parts[name]
        with (self.plan.folder / "logs" / name).open("ab") as log:
            process = subprocess.Popen(
                part.command,
                cwd=ROOT if name.startswith(("node", "front")) else part.folder,
                env=part.variables,
                user=part.user,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        text = f"{process.pid} {started_at(process.pid)}"
        (self.plan.folder / "pids" / name).write_text(text)

    def wait_for(self, name: str) -> None:
        """Wait until a part answers; CannotStart."""
        deadline = time.monotonic() + START_SECONDS
        while True:
            with contextlib.suppress(OSError):
                if self.parts[name].answers():
                    return
            if self.pid(name) is None or time.monotonic() > deadline:
                log = (self.plan.folder / "logs" / name).read_text(errors="replace")
                raise CannotStart(f"{name} does not answer:\n{log[-2000:]}")
            time.sleep(0.1)

    def pid(self, name: str) -> int | None:
        """The process id of a part; None if it does not run."""
        return running_pid(self.plan.folder / "pids" / name)

    def kill(self, name: str) -> None:
        """SIGKILL for a part."""
        if (pid := self.pid(name)) is not None:
            end(pid, signal.SIGKILL, 10.0)
            if name == "nginx":  # its workers would keep the port
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(pid, signal.SIGKILL)


def running_pid(file: Path) -> int | None:
    """The process id in the file; None if that process has ended, even if its id is used again."""
    try:
        pid, started = file.read_text().split()
        return int(pid) if started_at(int(pid)) == started else None
    except (OSError, ValueError):
        return None


def started_at(pid: int) -> str:
    """When a process was started, in clock ticks; empty if it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] == "Z" else fields[19]


def end(pid: int, number: signal.Signals, seconds: float) -> None:
    """Send a signal to a process, and SIGKILL if it has not ended in time."""
    started = started_at(pid)
    for each, patience in ((number, seconds), (signal.SIGKILL, 10.0)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, each)
        deadline = time.monotonic() + patience
        while started_at(pid) == started and time.monotonic() < deadline:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
            time.sleep(0.05)


def stop_all(folder: Path) -> list[str]:
    """Stop what runs, in the opposite order of its start; the names."""
    files = sorted((folder / "pids").glob("*"), key=lambda file: -file.stat().st_mtime_ns)
    stopped = []
    for file in files:
        pid = running_pid(file)
        if pid is not None:
            quick = file.name in ("postgresql", "rabbitmq", "epmd")
            number = signal.SIGQUIT if file.name == "postgresql" else signal.SIGTERM
            end(pid, number, 5.0 if quick else 45.0)
            stopped.append(file.name)
    return stopped


def main() -> int:
    """Returns the exit status."""
    arguments = _parse()
    folder: Path = arguments.folder
    if arguments.action == "down":
        stopped = stop_all(folder)
        remove_data(folder)
        print(f"stopped: {', '.join(stopped) or 'nothing, because nothing was running'}")
        return 0
    if any(running_pid(file) for file in (folder / "pids").glob("*")):
        print(f"a cluster is running with its data in {folder}: make cluster-down", file=sys.stderr)
        return 1
    remove_data(folder)
    plan = ClusterPlan(
        folder, arguments.nodes, arguments.fronts, arguments.workers, port=arguments.port
    )
    print(f"starting a cluster with its data in {folder} ...", flush=True)
    try:
        LocalCluster(plan).start_all(lambda name: print(f"  {name} answers", flush=True))
    except (NoProgram, CannotStart, OSError, subprocess.CalledProcessError) as error:
        print(f"local_cluster: {error}", file=sys.stderr)
        stop_all(folder)
        return 1
    (folder / "ports.json").write_text(json.dumps(plan.ports, indent=1))
    print(f"ready: {plan.url}  (its state: {plan.url}/status)")
    print(f"logs: {folder}/logs  operator's key: {folder}/admin_key  stop it: make cluster-down")
    return 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("action", choices=("up", "down"))
    parser.add_argument("--nodes", type=int, default=2)
    parser.add_argument("--fronts", type=int, default=2)
    parser.add_argument("--workers", type=int, default=1, help="of each node")
    parser.add_argument("--port", type=int, default=PORT, help="of nginx; 0: any free port")
    default = Path(tempfile.gettempdir()) / f"ocr-cluster-{os.geteuid()}"
    parser.add_argument("--folder", type=Path, default=default)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
