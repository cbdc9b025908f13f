"""Recognizers named after their fault, which cards trigger.

They run in real worker processes: pass a loader as WorkerSpec.load. Every fake answers with the
text of its card (see cards.py), which may be an order. An order with a PATH is obeyed once: only
if the file exists, which is then deleted.
"""

from __future__ import annotations

import gc
import os
import signal
import threading
import time
from multiprocessing import connection
from pathlib import Path

from ocr_engine.budget import ONE_CORE, Budget
from ocr_engine.errors import ModelError
from ocr_engine.images.decode import DecodedImage
from ocr_engine.options import RecognitionOptions
from ocr_engine.recognizer import EngineInfo
from ocr_engine.result import Recognition
from ocr_engine.steps import SAVE_SECONDS
from ocr_engine.worker.messages import Done, encode_reply
from tests.support.cards import lines_of, said
from tests.support.garbage import GARBAGE, frame
from tests.support.made_pages import DOCUMENT, image_document, with_words

RECITAL = "all the words of a long book, " * 180_000  # 5 MB
GROWTH_MB = 8
MOST_GROWTH_MB = 3000
FILLED_MB = 350

_POLL_SECONDS = 0.005


class Echo:
    """Has no fault. Writes the begin and end of each image to the journal, with its pid.

    `made page …`: reads a page with columns, a list and a table (made_pages.py).
    """

    info = EngineInfo(engine="fake", precision="none", models="cards", threads=1)

    def __init__(self, journal: Path | None = None) -> None:
        self._journal = journal
        self.budget = ONE_CORE  # of the last card

    def recognize(
        self, image: DecodedImage, options: RecognitionOptions, budget: Budget = ONE_CORE
    ) -> Recognition:
        text = said(image)
        self.budget = budget
        self._note("begin", text)
        self.act(text)
        self._note("end", text)
        asked = {
            "options": options.fingerprint(),
            "cores": str(budget.cores),
            "deadline": repr(budget.deadline),
        }
        lines = [asked[text]] if text in asked else self.lines(text)
        if text.startswith("recite "):
            lines = [RECITAL]
        height, width = image.pixels.shape[:2]
        found = lines_of(lines, options.granularity)
        result = image_document(width, height, found, image.frames)
        if text.startswith("made page"):
            result = DOCUMENT if options.granularity == "line" else with_words(DOCUMENT)
        recognition = Recognition(result, {"det": 0.001, "cls": 0.0, "rec": 0.002})
        self.act_on_answer(text, recognition)
        return recognition

    def lines(self, text: str) -> list[str]:
        """The lines that are read on a card with this text."""
        return text.splitlines()

    def prepare(self) -> bool:
        return False

    def release_memory(self, shapes: bool = False) -> None:
        self._note("release", "")

    def act(self, text: str) -> None:
        """Overridden by subclasses for their fault."""

    def act_on_answer(self, text: str, answer: Recognition) -> None:
        """Overridden by subclasses for a fault after the recognition."""

    def _note(self, event: str, text: str) -> None:
        if self._journal is not None:
            with self._journal.open("a") as journal:
                journal.write(f"{os.getpid()} {event} {text}\n")


class Slow(Echo):
    """`hold PATH …`: takes as long as the file exists. `take SECONDS …`: takes that long."""

    def act(self, text: str) -> None:
        order, _, rest = text.partition(" ")
        argument = rest.partition(" ")[0]
        while order == "hold" and os.path.exists(argument):
            time.sleep(_POLL_SECONDS)
        if order == "take":
            time.sleep(float(argument))


class Hanging(Echo):
    """`spin`: computes forever. `freeze`: stops itself."""

    def act(self, text: str) -> None:
        if _told(text, "spin"):
            while True:
                pass
        if _told(text, "freeze"):
            os.kill(os.getpid(), signal.SIGSTOP)


class Crashing(Echo):
    """`crash`: segmentation fault. `vanish`: SIGKILL. `tear`: dies in the middle of its answer."""

    def act(self, text: str) -> None:
        if _told(text, "crash"):
            os.kill(os.getpid(), signal.SIGSEGV)
        if _told(text, "vanish"):
            os.kill(os.getpid(), signal.SIGKILL)
        if _told(text, "tear"):
            os.write(_own_channel().fileno(), (5 << 20).to_bytes(4, "big") + b"x" * (1 << 20))
            os.kill(os.getpid(), signal.SIGKILL)


class Failing(Echo):
    """`fail`: raises an unexpected exception. `swell`: raises MemoryError."""

    def act(self, text: str) -> None:
        if _told(text, "fail"):
            raise ZeroDivisionError("a fault in the recognizer, /with/a/path in its text")
        if _told(text, "swell"):
            raise MemoryError


class Growing(Echo):
    """`grow [PATH]`: allocates memory until that fails or it is killed.

    `fill PATH`: allocates FILLED_MB and keeps them as long as the file exists.
    """

    def act(self, text: str) -> None:
        order, _, path = text.partition(" ")
        filled = b"x" * (FILLED_MB << 20) if order == "fill" else b""
        while filled and os.path.exists(path):
            time.sleep(_POLL_SECONDS)
        if _told(text, "grow"):
            kept: list[bytes] = []
            while len(kept) * GROWTH_MB < MOST_GROWTH_MB:
                kept.append(b"x" * (GROWTH_MB << 20))
                time.sleep(_POLL_SECONDS)
            raise AssertionError(f"nothing has stopped it at {MOST_GROWTH_MB} MiB")


class Reciting(Echo):
    """`recite PATH`: answers with RECITAL; dies once, after half of the answer is written."""

    def act_on_answer(self, text: str, answer: Recognition) -> None:
        if _told(text, "recite"):
            reply = frame(encode_reply(Done(1, answer, 1)))
            half = memoryview(reply)[: len(reply) // 2]
            while half:
                half = half[os.write(_own_channel().fileno(), half) :]
            os.kill(os.getpid(), signal.SIGKILL)


class Garbage(Echo):
    """`KIND [PATH]`: sends garbage instead of a reply, see GARBAGE."""

    def act(self, text: str) -> None:
        for kind, message in GARBAGE.items():
            if _told(text, kind):
                os.write(_own_channel().fileno(), message)
                threading.Event().wait()


class Leaking(Echo):
    """Leaks memory with every card."""

    LEAK_MB = 60

    def __init__(self, journal: Path | None = None) -> None:
        super().__init__(journal)
        self._kept: list[bytes] = []

    def act(self, text: str) -> None:
        if text:
            self._kept.append(b"x" * (self.LEAK_MB << 20))


class LeakingSlowly(Leaking):
    """Leaks less memory with every card, and is slow."""

    LEAK_MB = 20

    def act(self, text: str) -> None:
        super().act(text)
        time.sleep(0.1)


class Diligent(Echo):
    """`toil`: has too much work, and checks the deadline after each step."""

    def act(self, text: str) -> None:
        while text == "toil":
            self.budget.check_deadline()
            time.sleep(_POLL_SECONDS)


class Stepwise(Echo):
    """`step PATH`: does three steps, each written to the file with the pid; dies after the second.

    The steps are saved, so the next worker does only the third.
    """

    def act(self, text: str) -> None:
        order, _, path = text.partition(" ")
        for number in (1, 2, 3) if order == "step" else ():
            step = self.budget.steps.begin()
            if 0 in step.found:
                continue
            time.sleep(SAVE_SECONDS)
            with Path(path).open("a") as file:
                file.write(f"{os.getpid()} {number}\n")
            step.add(0, number)
            if number == 2:
                os.kill(os.getpid(), signal.SIGKILL)


class Obedient(Echo):
    """Has every fault that a card can order."""

    def act(self, text: str) -> None:
        for fault in (Slow, Hanging, Crashing, Failing, Growing, Garbage, Diligent, Stepwise):
            fault.act(self, text)  # type: ignore[arg-type]

    def act_on_answer(self, text: str, answer: Recognition) -> None:
        Reciting.act_on_answer(self, text, answer)  # type: ignore[arg-type]


class Spoilable(Obedient):
    """`spoil PATH`: misreads everything from then on, until the end of the process.

    `ruin PATH`: fails on everything from then on.
    """

    def __init__(self, journal: Path | None = None) -> None:
        super().__init__(journal)
        self._spoiled = self._ruined = False

    def act(self, text: str) -> None:
        self._ruined = self._ruined or _told(text, "ruin")
        if self._ruined:
            raise ZeroDivisionError("a recognizer that is ruined")
        self._spoiled = self._spoiled or _told(text, "spoil")
        super().act(text)

    def lines(self, text: str) -> list[str]:
        return ["something else"] if self._spoiled else super().lines(text)


class Illiterate(Echo):
    """Finds no text in any image, like a model for other letters."""

    def lines(self, text: str) -> list[str]:
        return []


class Preparing(Obedient):
    """Has STEPS steps to prepare; each takes as long as `gate` exists next to the journal.

    Writes each step to the journal, and the number of cores for each image.
    """

    STEPS = 2

    def __init__(self, journal: Path) -> None:
        super().__init__(journal)
        self._gate = journal.with_name("gate")
        self._steps = 0

    def recognize(
        self, image: DecodedImage, options: RecognitionOptions, budget: Budget = ONE_CORE
    ) -> Recognition:
        self._note("cores", str(budget.cores))
        return super().recognize(image, options, budget)

    def prepare(self) -> bool:
        if self._steps == self.STEPS:
            return False
        self._steps += 1
        self._note("prepare", str(self._steps))
        while self._gate.exists():
            time.sleep(_POLL_SECONDS)
        return True


class Named(Obedient):
    """Of a model set: reads its name in front of the text; writes that it was loaded."""

    def __init__(self, name: str, journal: Path | None = None) -> None:
        super().__init__(journal)
        self._name = name
        self._note("loads", name)

    def lines(self, text: str) -> list[str]:
        return [f"{self._name}: {text}"]


def load_named(name: str, journal: Path | None = None) -> Named:
    return Named(name, journal)


def load_named_when_told(name: str, gate: Path, journal: Path | None = None) -> Named:
    """Loads when the file is removed."""
    while gate.exists():
        time.sleep(_POLL_SECONDS)
    return Named(name, journal)


def crash_at_load() -> Echo:
    """Dies, as a library does that reads a broken model."""
    os.kill(os.getpid(), signal.SIGSEGV)
    raise AssertionError("still alive")


def load_echo(journal: Path | None = None) -> Echo:
    return Echo(journal)


def load_obedient(journal: Path | None = None) -> Obedient:
    return Obedient(journal)


def load_spoilable(journal: Path | None = None) -> Spoilable:
    return Spoilable(journal)


def load_illiterate(journal: Path | None = None) -> Illiterate:
    return Illiterate(journal)


def load_preparing(journal: Path) -> Preparing:
    return Preparing(journal)


def load_leaking() -> Leaking:
    return Leaking()


def load_leaking_slowly(journal: Path) -> LeakingSlowly:
    return LeakingSlowly(journal)


def load_obedient_when_told(journal: Path) -> Obedient:
    """Loads when the file `gate` next to the journal is removed."""
    while journal.with_name("gate").exists():
        time.sleep(_POLL_SECONDS)
    return Obedient(journal)


def load_on_command(gate: Path) -> Echo:
    """Loads when the file is removed."""
    while gate.exists():
        time.sleep(_POLL_SECONDS)
    return Echo()


def load_unless(broken: Path) -> Echo:
    """Exits without a message if the file exists."""
    if broken.exists():
        os._exit(7)
    return Echo()


def load_when_called(folder: Path) -> Echo:
    """Loads when there is a file in the folder with the name of its process id."""
    while not (folder / str(os.getpid())).exists():
        time.sleep(_POLL_SECONDS)
    return Echo()


class Nice(Echo):
    """Writes the niceness of the thread that loads or reads to the journal."""

    def __init__(self, journal: Path | None = None) -> None:
        super().__init__(journal)
        self._note_niceness("loads")

    def act(self, text: str) -> None:
        self._note_niceness("reads")

    def _note_niceness(self, event: str) -> None:
        niceness = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
        self._note(event, str(niceness))


def load_nice(journal: Path) -> Nice:
    return Nice(journal)


def fail_to_load() -> Echo:
    """Raises ModelError, as with a broken installation."""
    raise ModelError("rec_model_dir: there is no model in it")


def exit_at_start(journal: Path) -> Echo:
    """Exits without a message, like a worker without a shared library."""
    with journal.open("a") as tries:
        tries.write("try\n")
    os._exit(7)


def raise_at_start() -> Echo:
    """Raises an error that is not a ModelError."""
    raise OSError("libfake.so: cannot open shared object file")


def _told(text: str, order: str) -> bool:
    """Whether the card has the order, and it was not yet obeyed."""
    given, _, path = text.partition(" ")
    if given != order or (path and not os.path.exists(path)):
        return False
    if path:
        os.unlink(path)
    return True


def _own_channel() -> connection.Connection:
    """The worker's end of its channel: the only writable connection of the process."""
    found = [each for each in gc.get_objects() if type(each) is connection.Connection]
    return next(each for each in found if not each.closed and each.writable)
