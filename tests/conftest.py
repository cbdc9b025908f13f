"""What every test may use: servers with fakes, a gate, and a log without errors.

Also how the tests are shared between processes, see support/shares.py.
"""

from __future__ import annotations

import atexit
import logging
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ocr_engine.images.decoders import lift_pixel_limit
from ocr_engine.runtimes.openvino.environment import prepare_environment
from tests.support.shares import Shares, machine, place

if TYPE_CHECKING:
    from xdist.remote import Producer

    from tests.support.live_server import LiveServer

PROCESSES = 3  # one more than a small machine has cores: many tests wait for clocks and sockets

# The tests start hundreds of processes: these read what was compiled instead of compiling it again,
# also where the environment (as in many images) asks for no files of bytecode.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# Under nohup, servers that the tests start would ignore it, too.
signal.signal(signal.SIGHUP, signal.SIG_DFL)

# As in a worker, for tests that decode images or load OpenVINO in this process.
lift_pixel_limit()
prepare_environment()

# Compiled models are kept in a cache of the tests' own, which the other processes inherit.
if "PYTEST_XDIST_WORKER" not in os.environ:
    os.environ["XDG_CACHE_HOME"] = tempfile.mkdtemp(prefix="ocr-tests-cache-")
    atexit.register(shutil.rmtree, os.environ["XDG_CACHE_HOME"], ignore_errors=True)

# So is the state of servers that run in this process; others have a folder each.
os.environ["XDG_STATE_HOME"] = tempfile.mkdtemp(prefix="ocr-tests-state-")
atexit.register(shutil.rmtree, os.environ["XDG_STATE_HOME"], ignore_errors=True)


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Several processes for whole folders; none but this one where few tests are run or watched."""
    option = config.option
    given = () if config.args_source is pytest.Config.ArgsSource.TESTPATHS else config.args
    named = any("::" in argument or argument.endswith(".py") for argument in given)
    few = named or option.keyword or config.getoption("lf", False)
    return 0 if few or option.collectonly or option.capture == "no" else PROCESSES


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Shares:
    """What uses the same servers stays in one process."""
    return Shares(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first, so that no process waits long for the others at the end."""
    items.sort(key=lambda item: place(item.nodeid))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """A test marked as alone waits for the other processes to finish; then they wait."""
    with machine(item.config.rootpath, alone=item.get_closest_marker("alone") is not None):
        return (yield)


@pytest.fixture
def no_error_log(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Fail if anything was logged as an error; a test that expects one clears it."""
    yield
    records = [*caplog.get_records("call"), *caplog.get_records("teardown")]
    errors = [record for record in records if record.levelno >= logging.ERROR]
    assert not errors, [f"{r.name}: {r.getMessage()} {r.exc_info}" for r in errors]


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Path]:
    """A file that `hold` cards wait for; it is removed at the end at the latest."""
    path = tmp_path / "gate"
    path.touch()
    yield path
    path.unlink(missing_ok=True)


@pytest.fixture(scope="session")
def _wide_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    from tests.support.live_server import LiveServer

    with LiveServer(tmp_path_factory.mktemp("wide"), number=2, queue_size=100) as server:
        yield server


@pytest.fixture(scope="session")
def _narrow_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    from tests.support.live_server import LiveServer

    with LiveServer(tmp_path_factory.mktemp("narrow"), number=1, queue_size=2) as server:
        yield server


@pytest.fixture
def wide(_wide_server: LiveServer, no_error_log: None) -> Iterator[LiveServer]:
    """A server with two obedient workers; whole again after every test."""
    _wide_server.clear()
    yield _wide_server
    _wide_server.check_whole()


@pytest.fixture
def narrow(_narrow_server: LiveServer, no_error_log: None) -> Iterator[LiveServer]:
    """A server with one obedient worker, and room for two images to wait."""
    _narrow_server.clear()
    yield _narrow_server
    _narrow_server.check_whole()


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Iterator[list[str]]:
    """What the access log has; filled as requests end."""
    caplog.set_level(logging.INFO, "server.access")
    found: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.append(f"{record.levelname} {record.getMessage()}")

    logger, listener = logging.getLogger("server.access"), Listener()
    logger.addHandler(listener)
    yield found
    logger.removeHandler(listener)
