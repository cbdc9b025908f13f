"""Recognizers named for their fault, and the cards that tell them when to have it.

They run in real worker processes: pass a loader as WorkerSpec.load. A card is a small picture
that carries a text in its first row of pixels; every fake answers with that text. An order with
a PATH is obeyed once: if there is such a file, which is then taken away.
"""

from __future__ import annotations

import gc
import io
import os
import signal
import threading
import time
from dataclasses import replace
from multiprocessing import connection
from pathlib import Path

from PIL import Image

from ocr_engine.budget import ONE_CORE, Budget
from ocr_engine.errors import ModelError
from ocr_engine.images.decode import Picture
from ocr_engine.options import Granularity, RecognitionOptions
from ocr_engine.recognizer import EngineInfo
from ocr_engine.result import OcrResult, Quad, Recognition, TextLine, TextPart
from ocr_engine.stages.words import split_words
from ocr_engine.worker.messages import Done, encode_reply

CARD_HEIGHT = 16
CONFIDENCE = 0.75
RECITAL = "all the words of a long book, " * 180_000  # 5 MB
GROWTH_MB = 8
MOST_GROWTH_MB = 3000
FILLED_MB = 350

_MARK = b"CARD"
_POLL_SECONDS = 0.005


def card(text: str, format: str = "PNG") -> bytes:
    """A picture that says the text; in a lossless format."""
    row = _MARK + text.encode() + b"\0"
    row = row.ljust(max(64, len(row)), b"\0")
    image = Image.new("L", (len(row), CARD_HEIGHT), 255)
    image.putdata(row + b"\xff" * len(row) * (CARD_HEIGHT - 1))
    encoded = io.BytesIO()
    image.save(encoded, format, lossless=True)
    return encoded.getvalue()


def said(picture: Picture) -> str:
    """What the card says; nothing, if the picture is no card (the warm-up picture is none)."""
    row = picture.pixels[0, :, 0].tobytes()
    return row[len(_MARK) :].partition(b"\0")[0].decode() if row.startswith(_MARK) else ""


class Echo:
    """Has no fault. It notes in the journal when it begins and ends a picture, with its pid."""

    info = EngineInfo(engine="fake", precision="none", models="cards", threads=1)

    def __init__(self, journal: Path | None = None) -> None:
        self._journal = journal

    def recognize(
        self, picture: Picture, options: RecognitionOptions, budget: Budget = ONE_CORE
    ) -> Recognition:
        text = said(picture)
        self._note("begin", text)
        self.act(text)
        self._note("end", text)
        asked = {
            "options": options.fingerprint(),
            "cores": str(budget.cores),
            "deadline": repr(budget.deadline),
        }
        lines = [asked[text]] if text in asked else text.splitlines()
        if text.startswith("recite "):
            lines = [RECITAL]
        height, width = picture.pixels.shape[:2]
        result = OcrResult(width, height, tuple(_lines(lines, options.granularity)), picture.frames)
        recognition = Recognition(result, {"det": 0.001, "cls": 0.0, "rec": 0.002})
        self.act_on_answer(text, recognition)
        return recognition

    def prepare(self) -> bool:
        return False

    def release_memory(self, shapes: bool = False) -> None:
        self._note("release", "")

    def act(self, text: str) -> None:
        """Where a subclass has its fault."""

    def act_on_answer(self, text: str, answer: Recognition) -> None:
        """Where a subclass has its fault if it comes after the reading."""

    def _note(self, event: str, text: str) -> None:
        if self._journal is not None:
            with self._journal.open("a") as journal:
                journal.write(f"{os.getpid()} {event} {text}\n")


class Slow(Echo):
    """`hold PATH …`: takes as long as there is such a file. `take SECONDS …`: takes as long."""

    def act(self, text: str) -> None:
        order, _, rest = text.partition(" ")
        argument = rest.partition(" ")[0]
        while order == "hold" and os.path.exists(argument):
            time.sleep(_POLL_SECONDS)
        if order == "take":
            time.sleep(float(argument))


class Hanging(Echo):
    """`spin`: computes for ever. `freeze`: stops itself."""

    def act(self, text: str) -> None:
        if _told(text, "spin"):
            while True:
                pass
        if _told(text, "freeze"):
            os.kill(os.getpid(), signal.SIGSTOP)


class Crashing(Echo):
    """`crash`: a segmentation fault. `vanish`: as if killed from outside. `tear`: in mid-answer."""

    def act(self, text: str) -> None:
        if _told(text, "crash"):
            os.kill(os.getpid(), signal.SIGSEGV)
        if _told(text, "vanish"):
            os.kill(os.getpid(), signal.SIGKILL)
        if _told(text, "tear"):
            os.write(_own_channel().fileno(), (5 << 20).to_bytes(4, "big") + b"x" * (1 << 20))
            os.kill(os.getpid(), signal.SIGKILL)


class Failing(Echo):
    """`fail`: raises what nobody expects. `swell`: runs out of memory, as Python tells it."""

    def act(self, text: str) -> None:
        if _told(text, "fail"):
            raise ZeroDivisionError("a fault in the recognizer, /with/a/path in its text")
        if _told(text, "swell"):
            raise MemoryError


class Growing(Echo):
    """`grow [PATH]`: allocates and uses memory without end, until it may not or is killed.

    `fill PATH`: allocates FILLED_MB, and keeps them as long as there is such a file.
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
    """`recite PATH`: answers with RECITAL; once it dies when half of the answer is written."""

    def act_on_answer(self, text: str, answer: Recognition) -> None:
        if _told(text, "recite"):
            reply = _frame(encode_reply(Done(1, answer, 1)))
            half = memoryview(reply)[: len(reply) // 2]
            while half:
                half = half[os.write(_own_channel().fileno(), half) :]
            os.kill(os.getpid(), signal.SIGKILL)


class Garbage(Echo):
    """`KIND [PATH]`: sends what is no reply instead of a reply, see GARBAGE."""

    def act(self, text: str) -> None:
        for kind, message in GARBAGE.items():
            if _told(text, kind):
                os.write(_own_channel().fileno(), message)
                threading.Event().wait()


class Leaking(Echo):
    """Keeps some memory of every card."""

    LEAK_MB = 60

    def __init__(self, journal: Path | None = None) -> None:
        super().__init__(journal)
        self._kept: list[bytes] = []

    def act(self, text: str) -> None:
        if text:
            self._kept.append(b"x" * (self.LEAK_MB << 20))


class LeakingSlowly(Leaking):
    """Keeps less of every card, and takes a while for each."""

    LEAK_MB = 20

    def act(self, text: str) -> None:
        super().act(text)
        time.sleep(0.1)


class Obedient(Echo):
    """Has whatever fault the card asks for."""

    def act(self, text: str) -> None:
        for fault in (Slow, Hanging, Crashing, Failing, Growing, Garbage):
            fault.act(self, text)  # type: ignore[arg-type]

    def act_on_answer(self, text: str, answer: Recognition) -> None:
        Reciting.act_on_answer(self, text, answer)  # type: ignore[arg-type]


class Preparing(Obedient):
    """Has STEPS things to prepare; each takes as long as there is a file `gate` beside the journal.

    It notes each step, and on how many cores it was to read each picture.
    """

    STEPS = 2

    def __init__(self, journal: Path) -> None:
        super().__init__(journal)
        self._gate = journal.with_name("gate")
        self._steps = 0

    def recognize(
        self, picture: Picture, options: RecognitionOptions, budget: Budget = ONE_CORE
    ) -> Recognition:
        self._note("cores", str(budget.cores))
        return super().recognize(picture, options, budget)

    def prepare(self) -> bool:
        if self._steps == self.STEPS:
            return False
        self._steps += 1
        self._note("prepare", str(self._steps))
        while self._gate.exists():
            time.sleep(_POLL_SECONDS)
        return True


def load_echo(journal: Path | None = None) -> Echo:
    return Echo(journal)


def load_obedient(journal: Path | None = None) -> Obedient:
    return Obedient(journal)


def load_preparing(journal: Path) -> Preparing:
    return Preparing(journal)


def load_leaking() -> Leaking:
    return Leaking()


def load_leaking_slowly(journal: Path) -> LeakingSlowly:
    return LeakingSlowly(journal)


def load_obedient_when_told(journal: Path) -> Obedient:
    """Loads as soon as there is no file `gate` beside the journal."""
    while journal.with_name("gate").exists():
        time.sleep(_POLL_SECONDS)
    return Obedient(journal)


def load_when_told(gate: Path) -> Echo:
    """Loads as soon as there is no such file any more."""
    while gate.exists():
        time.sleep(_POLL_SECONDS)
    return Echo()


def fail_to_load() -> Echo:
    """FailsToLoad: the installation is at fault."""
    raise ModelError("rec_model_dir: there is no model in it")


def exit_at_start(journal: Path) -> Echo:
    """Leaves without a word, as a worker does that lacks a shared library."""
    with journal.open("a") as tries:
        tries.write("try\n")
    os._exit(7)


def raise_at_start() -> Echo:
    """Raises what is no ModelError."""
    raise OSError("libfake.so: cannot open shared object file")


def _frame(payload: bytes) -> bytes:
    return len(payload).to_bytes(4, "big") + payload


def _message(head: bytes) -> bytes:
    return _frame(_frame(head))


GARBAGE = {
    "noise": _frame(b"\x00\xffnoise"),
    "no-result": _message(b'{"kind": "done", "task_id": 1}'),
    "wrong-types": _message(b'{"kind": "done", "task_id": [], "result": 5, "stages": 7}'),
    "another-task": _message(
        b'{"kind": "failed", "task_id": 987654, "code": "x", "message": "", "rss_mb": 1}'
    ),
    "infinite": _message(
        b'{"kind": "failed", "task_id": 1, "code": "x", "message": "", "rss_mb": Infinity}'
    ),
    "bottomless": _message(b"[" * 100_000),
    "endless": (1 << 30).to_bytes(4, "big") + b"x" * 1000,
}


def _told(text: str, order: str) -> bool:
    """Whether the card gives the order and it is still to be obeyed."""
    given, _, path = text.partition(" ")
    if given != order or (path and not os.path.exists(path)):
        return False
    if path:
        os.unlink(path)
    return True


def _own_channel() -> connection.Connection:
    """The worker's end of its channel: the one connection of the process that can be written."""
    found = [each for each in gc.get_objects() if type(each) is connection.Connection]
    return next(each for each in found if not each.closed and each.writable)


def _lines(texts: list[str], granularity: Granularity) -> list[TextLine]:
    """Boxes of 40 x 9 pixels, one under the other, shared out evenly among their characters."""
    lines = []
    for top, text in zip(range(0, 10 * len(texts), 10), texts, strict=True):
        line = TextLine(text, CONFIDENCE, _box(0, 40, top))
        words = () if granularity == "line" else split_words(text)
        if granularity == "word":
            line = replace(line, words=tuple(_part(text, a, b, top) for a, b in words))
        if granularity == "char":
            places = [i for a, b in words for i in range(a, b)]
            line = replace(line, chars=tuple(_part(text, i, i + 1, top) for i in places))
        lines.append(line)
    return lines


def _part(text: str, start: int, end: int, top: int) -> TextPart:
    share = 40 / len(text)
    return TextPart(text[start:end], CONFIDENCE, _box(int(start * share), int(end * share), top))


def _box(left: int, right: int, top: int) -> Quad:
    return (left, top), (right, top), (right, top + 9), (left, top + 9)
