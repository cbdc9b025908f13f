"""The benchmarks of limit, memory and scaling: what could be wrong without being seen."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
import pytest
from limit import replay_work
from memory import Sample, judge
from mixed_sizes import LARGEST, SMALLEST, mixed_sizes, sizes
from pinned_replay import ReplayRun, replay_on
from recorded_tensors import LoadedEngine, Replay, record, replaced
from scaling import Costs, calculate
from server_under_test import Verdict
from stage_profile import seconds_by_function

from ocr_engine.images.decode import decode
from ocr_engine.options import RecognitionOptions

PAGE = Path(__file__).parent / "data" / "pages" / "label_zh_soap.jpg"
RELEASE_ALWAYS = 0
RELEASE_NEVER = 100_000


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> LoadedEngine:
    return LoadedEngine(replay_work(tmp_path_factory.mktemp("unused"), 1, 1).engine)


@pytest.fixture(scope="module")
def recorded(
    engine: LoadedEngine, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, list[Any]]:
    """The folder with the page's tensors, twice, and what OpenVINO answered to them."""
    folder = tmp_path_factory.mktemp("tensors")
    answers: list[Any] = []
    wait: Any = ov.InferRequest.wait

    def listening(request: Any) -> None:
        wait(request)
        answers.append(np.array(request.get_output_tensor(0).data))

    with replaced(ov.InferRequest, "wait", listening):
        record(engine, [PAGE.read_bytes()] * 2, folder)
    return folder, answers


def same(replayed: list[Any], answers: list[Any]) -> bool:
    pairs = zip(replayed, answers, strict=True)
    return all(np.array_equal(one, other) for one, other in pairs)


def test_a_recording_replays_to_the_same_answers(
    engine: LoadedEngine, recorded: tuple[Path, list[Any]]
) -> None:
    folder, answers = recorded
    replay = Replay(engine, folder, RELEASE_NEVER)
    replayed = [*replay.answers(0), *replay.answers(1)]
    assert same(replayed, answers)
    assert not same(replayed[::-1], answers)  # so they are not all alike


def test_replays_before_and_after_count_together() -> None:
    before = ReplayRun(10, 2.0, 4.0, {"det": 1.0, "rec": 2.5}, 1)
    after = ReplayRun(30, 8.0, 16.0, {"det": 3.0, "rec": 11.5}, 0)
    both = before + after
    assert both == ReplayRun(40, 10.0, 20.0, {"det": 4.0, "rec": 14.0}, 1)
    assert (both.per_second, both.cpu_per_image) == (4.0, 0.5)


def test_releasing_memory_in_between_changes_nothing(
    engine: LoadedEngine, recorded: tuple[Path, list[Any]]
) -> None:
    folder, answers = recorded
    replay = Replay(engine, folder, RELEASE_ALWAYS)
    replay.run(0)
    assert replay.releases == 1
    assert same(list(replay.answers(1)), answers[len(answers) // 2 :])


def test_every_model_of_the_page_is_replayed(
    engine: LoadedEngine, recorded: tuple[Path, list[Any]]
) -> None:
    assert sorted(engine.roles) == ["cls", "det", "rec"]
    replay = Replay(engine, recorded[0], RELEASE_NEVER)
    replay.run(0)
    assert replay.seconds["det"] > 0
    assert replay.seconds["rec"] > 0


def test_a_recognizer_that_recorded_reads_on_as_before(
    engine: LoadedEngine, recorded: tuple[Path, list[Any]]
) -> None:
    kept = len(list(recorded[0].iterdir()))
    image = decode(PAGE.read_bytes(), 10**7)
    lines = engine.recognizer.recognize(image, RecognitionOptions()).result.lines
    assert len(lines) > 5
    assert len(list(recorded[0].iterdir())) == kept


def test_pinned_processes_share_the_images(recorded: tuple[Path, list[Any]]) -> None:
    cores = sorted(os.sched_getaffinity(0))[:2]
    run = replay_on(cores, replay_work(recorded[0], 2, 4))
    assert run.images == 8
    models = sum(run.role_seconds.values())
    assert 0.5 * models < run.wall_seconds * len(cores)
    assert models <= run.wall_seconds * len(cores)


def test_the_profile_misses_no_time_and_counts_none_twice(engine: LoadedEngine) -> None:
    image = decode(PAGE.read_bytes(), 10**7)
    roles = {id(session): role for session, role in engine.sessions}
    start = time.process_time()
    found = seconds_by_function(
        lambda: engine.recognizer.recognize(image, RecognitionOptions()), roles
    )
    assert sum(found.values()) > 0.8 * (time.process_time() - start)
    assert found["model det"] + found["model rec"] > 0.5 * sum(found.values())
    assert found["stages.detection.preprocess"] > 0
    assert "model ?" not in found


def test_mixed_sizes_are_the_same_for_a_seed_and_reach_both_ends() -> None:
    found = sizes(500, random.Random(1))
    assert found == sizes(500, random.Random(1))
    assert found != sizes(500, random.Random(2))
    assert SMALLEST in found
    assert LARGEST in found
    areas = sorted(width * height for width, height in found)
    assert areas[0] >= SMALLEST[0] * SMALLEST[1]
    assert areas[-1] <= LARGEST[0] * LARGEST[1]
    middle = (areas[0] * areas[-1]) ** 0.5
    assert 0.4 < sum(area < middle for area in areas) / 500 < 0.6
    assert list(mixed_sizes(4, 3)) == list(mixed_sizes(4, 3))


def test_a_worker_that_grows_is_reported() -> None:
    """Growth counts after idle resets; after idle trims only the largest value does."""

    def samples(slope: float, saw: float) -> list[Sample]:
        after_reset = ((count, 300.0 + slope * count) for count in range(0, 501, 20))
        return [
            Sample(count, {1: 310.0, 2: kept + saw * (count % 3)}, {1: 300.0, 2: kept})
            for count, kept in after_reset
        ]

    steady = Verdict()
    found = judge(samples(0.0, 20.0), steady)
    assert found["growth_mb_per_100"] == pytest.approx([0.0, 0.0])
    assert found["pss_mb_largest"] == pytest.approx([310.0, 340.0])
    assert steady.print() == 0
    growing = Verdict()
    assert judge(samples(0.03, 0.0), growing)["growth_mb_per_100"] == pytest.approx([0.0, 3.0])
    assert growing.print() == 1
    large = Verdict()
    judge(samples(0.0, 80.0), large)
    assert large.print() == 1


def test_the_front_end_limits_large_nodes_full_of_hits() -> None:
    costs = Costs(image=0.5, miss=0.005, hit=0.002, disturbance=0.0, worker_pss_mb=400.0)
    new = calculate(costs, 33, 0.0)
    assert new.workers == new.disturbed == pytest.approx(64.0)
    assert new.front_end == pytest.approx(200.0)
    assert calculate(costs, 33, 0.9).front_end < calculate(costs, 33, 0.9).workers
