"""The result cache, with a clock that is advanced by hand."""

from __future__ import annotations

import hashlib

import pytest

from cache.kept_file import KeptResult
from cache.keys import CacheKey, Digests
from cache.result_cache import ENTRY_OVERHEAD_BYTES, ResultCache
from cache.stored_result import StoredResult


class HandClock:
    """A clock that only tick() advances."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def tick(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


def key(name: str) -> CacheKey:
    return CacheKey(name, "options", "models")


def digests(name: str) -> Digests:
    return Digests(name, f"sha256 of {name}")


def put(cache: ResultCache, name: str, data: bytes = b"answer") -> None:
    cache.put(key(name), digests(name), StoredResult(data))


def kept(cache: ResultCache, *names: str) -> str:
    """Which names are in the cache; each lookup counts as use, in this order."""
    return "".join(name for name in names if cache.get(key(name)) is not None)


def roomy(clock: HandClock, ttl: float = 60, count: int = 100, size: int = 1 << 20) -> ResultCache:
    return ResultCache(ttl, count, size, clock)


def test_what_is_put_in_comes_out(clock: HandClock) -> None:
    cache = roomy(clock)
    entry = cache.put(key("a"), digests("a"), StoredResult(b"answer"))
    assert cache.get(key("a")) == entry
    assert entry.result.json == b"answer"
    assert entry.sha256 == "sha256 of a"
    assert entry.stored_at == 1000.0
    assert entry.etag == hashlib.sha256(b"answer").hexdigest()[:32]
    assert len(cache) == 1
    assert cache.size_bytes == 606  # 6 bytes and the flat 600


def test_the_etag_belongs_to_the_data(clock: HandClock) -> None:
    cache = roomy(clock)
    one = cache.put(key("a"), digests("a"), StoredResult(b"answer"))
    same = cache.put(key("b"), digests("b"), StoredResult(b"answer"))
    other = cache.put(key("c"), digests("c"), StoredResult(b"other"))
    assert one.etag == same.etag != other.etag


def test_artifacts_count_and_belong_to_the_etag(clock: HandClock) -> None:
    cache = roomy(clock, size=1400)  # room for one answer of 406 + 600, not for two
    drawn = StoredResult(b"answer", {"image/png": b"drawing", "application/pdf": bytes(393)})
    entry = cache.put(key("a"), digests("a"), drawn)
    assert entry.result is drawn
    assert entry.etag == hashlib.sha256(b"answerdrawing" + bytes(393)).hexdigest()[:32]
    assert cache.size_bytes == 1006
    put(cache, "b")
    assert kept(cache, "a", "b") == "b"


@pytest.mark.parametrize(
    "other",
    [
        CacheKey("b", "options", "models"),
        CacheKey("a", "x", "models"),
        CacheKey("a", "options", "x"),
    ],
)
def test_another_key_is_a_miss(clock: HandClock, other: CacheKey) -> None:
    cache = roomy(clock)
    put(cache, "a")
    assert cache.get(other) is None


def test_another_image_with_the_same_md5_is_a_miss(clock: HandClock) -> None:
    cache = roomy(clock)
    entry = cache.put(key("a"), digests("a"), StoredResult(b"answer"))
    assert cache.get(key("a"), "sha256 of a") is entry
    assert cache.get(key("a"), "sha256 of a forgery") is None
    assert cache.get(key("a"), "") is None
    assert cache.get(key("a"), None) is entry
    assert cache.get(key("a"), "sha256 of a") is entry  # the miss dropped nothing


def test_an_answer_lives_as_long_as_it_should(clock: HandClock) -> None:
    cache = roomy(clock, ttl=60)
    put(cache, "a")
    clock.tick(30)
    put(cache, "b")
    clock.tick(29.5)
    assert kept(cache, "a", "b") == "ab"
    clock.tick(0.5)  # 60 seconds
    assert kept(cache, "a", "b") == "b"
    assert len(cache) == 1
    assert cache.size_bytes == 606
    clock.tick(30)
    assert kept(cache, "a", "b") == ""
    assert len(cache) == 0
    assert cache.size_bytes == 0


def test_use_does_not_extend_the_time_to_live_but_a_new_answer_does(clock: HandClock) -> None:
    cache = roomy(clock, ttl=60)
    put(cache, "a")
    put(cache, "b")
    for _ in range(5):
        clock.tick(10)
        assert kept(cache, "a", "b") == "ab"
    put(cache, "b", b"again")
    clock.tick(10)
    assert kept(cache, "a", "b") == "b"


def test_the_count_is_limited_and_the_least_recently_used_goes(clock: HandClock) -> None:
    cache = roomy(clock, count=3)
    for name in "abc":
        put(cache, name)
    assert cache.get(key("a")) is not None  # b is now the oldest
    put(cache, "d")
    assert len(cache) == 3
    assert kept(cache, "d", "c", "b", "a") == "dca"  # d is the oldest now
    put(cache, "e")
    put(cache, "f")
    assert kept(cache, "a", "c", "d", "e", "f") == "aef"


def test_replacing_an_answer_drops_no_other(clock: HandClock) -> None:
    cache = roomy(clock, count=2)
    put(cache, "a")
    put(cache, "b")
    put(cache, "a", b"longer answer")
    assert kept(cache, "a", "b") == "ab"
    entry = cache.get(key("a"))
    assert entry is not None
    assert entry.result.json == b"longer answer"
    assert cache.size_bytes == 613 + 606


def test_an_expired_answer_makes_room_before_a_living_one(clock: HandClock) -> None:
    cache = roomy(clock, ttl=60, count=2)
    put(cache, "a")
    clock.tick(30)
    put(cache, "b")
    assert cache.get(key("a")) is not None  # b is now the least recently used
    clock.tick(40)  # a has expired
    put(cache, "c")
    assert kept(cache, "a", "b", "c") == "bc"


def test_the_bytes_are_limited(clock: HandClock) -> None:
    cache = roomy(clock, size=3000)  # room for three answers of 400 + 600
    for name in "abc":
        put(cache, name, bytes(400))
    assert (len(cache), cache.size_bytes) == (3, 3000)
    put(cache, "d", bytes(1))
    assert kept(cache, "a", "b", "c", "d") == "bcd"
    assert cache.size_bytes == 2601
    put(cache, "e", bytes(1500))  # 2100 more: only d's 601 may stay
    assert kept(cache, "b", "c", "d", "e") == "de"
    assert cache.size_bytes == 2701


def test_an_answer_that_fits_exactly_is_kept_and_one_byte_more_is_not(clock: HandClock) -> None:
    assert ENTRY_OVERHEAD_BYTES == 600
    cache = roomy(clock, size=1000)
    put(cache, "a", bytes(400))
    assert kept(cache, "a") == "a"
    large = cache.put(key("b"), digests("b"), StoredResult(bytes(401)))
    assert large.result.json == bytes(401)  # it is returned all the same
    assert kept(cache, "a", "b") == "a"  # and nothing was evicted


@pytest.mark.parametrize(
    ("ttl", "count", "size"), [(0, 10, 10_000), (60, 0, 10_000), (60, 10, 0), (-1, 10, 10_000)]
)
def test_a_cache_that_is_off_keeps_nothing(
    clock: HandClock, ttl: float, count: int, size: int
) -> None:
    cache = ResultCache(ttl, count, size, clock)
    assert not cache.enabled
    entry = cache.put(key("a"), digests("a"), StoredResult(b"answer"))
    assert entry.result.json == b"answer"
    assert entry.etag
    assert cache.get(key("a")) is None
    assert len(cache) == 0
    assert cache.size_bytes == 0


def test_a_cache_that_is_on(clock: HandClock) -> None:
    assert ResultCache(60, 1, 1000, clock).enabled


def test_age(clock: HandClock) -> None:
    cache = roomy(clock)
    entry = cache.put(key("a"), digests("a"), StoredResult(b"answer"))
    assert cache.age(entry) == 0.0
    clock.tick(12.5)
    assert cache.age(entry) == 12.5
    found = cache.get(key("a"))
    assert found is not None
    assert cache.age(found) == 12.5
    clock.tick(-100)  # a clock that was set back
    assert cache.age(entry) == 0.0


def test_the_default_clock_runs() -> None:
    cache = ResultCache(60, 10, 10_000)
    entry = cache.put(key("a"), digests("a"), StoredResult(b"answer"))
    assert cache.get(key("a")) is entry
    assert 0 <= cache.age(entry) < 5


def kept_result(name: str, age: float) -> KeptResult:
    return KeptResult(key(name), f"sha256 of {name}", StoredResult(name.encode()), age)


def test_a_restored_result_has_its_age(clock: HandClock) -> None:
    cache = roomy(clock, ttl=60)
    assert cache.restore(kept_result("a", age=50))
    assert cache.restore(kept_result("b", age=10))
    entry = cache.get(key("a"), "sha256 of a")
    assert entry is not None
    assert (cache.age(entry), entry.result.json) == (50, b"a")
    assert entry.etag == hashlib.sha256(b"a").hexdigest()[:32]
    clock.tick(9.9)
    assert kept(cache, "a", "b") == "ab"
    clock.tick(0.2)
    assert kept(cache, "a", "b") == "b"
    assert len(cache) == 1


def test_a_result_that_has_expired_is_not_restored(clock: HandClock) -> None:
    cache = roomy(clock, ttl=60)
    assert not cache.restore(kept_result("a", age=60))
    assert len(cache) == 0


def test_a_disabled_cache_restores_nothing(clock: HandClock) -> None:
    for cache in (ResultCache(0, 10, 1000, clock), ResultCache(60, 0, 1000, clock)):
        cache.restore(kept_result("a", age=1))
        assert len(cache) == 0


def test_a_result_as_it_is_kept_has_its_age_and_was_not_used(clock: HandClock) -> None:
    cache = roomy(clock, count=2)
    put(cache, "a")
    clock.tick(5)
    put(cache, "b")
    assert cache.kept(key("a")) == KeptResult(
        key("a"), "sha256 of a", StoredResult(b"answer"), age=5
    )
    assert cache.kept(key("c")) is None
    put(cache, "c")
    assert kept(cache, "a", "b", "c") == "bc"
    assert cache.keys() == [key("b"), key("c")]


def test_what_was_stored_or_deleted_is_counted(clock: HandClock) -> None:
    cache = roomy(clock)
    put(cache, "a")
    put(cache, "a")
    assert cache.changes == 2
    kept(cache, "a")
    cache.kept(key("a"))
    assert cache.changes == 2
    cache.forget("", "a")
    assert cache.changes == 3
