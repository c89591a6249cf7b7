"""Function logs: what is kept, in which order, and what damage does."""

import asyncio
import contextlib
import os
import resource
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasmfaas.errors import StorageFull
from wasmfaas.invoke.logs import LogStore
from wasmfaas.invoke.segments import LogEntry

KIB = 1024


class Clock:
    """Milliseconds that pass only when told to."""

    def __init__(self, now_ms: int = 1_700_000_000_000) -> None:
        self.now_ms = now_ms

    def __call__(self) -> int:
        return self.now_ms


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def open_store(tmp_path: Path, clock: Clock) -> Iterator[Callable[..., LogStore]]:
    stores: list[LogStore] = []

    def open_one(bytes_max: int = 64 * KIB, open_files_max: int = 64) -> LogStore:
        store = LogStore(
            tmp_path / "logs", bytes_max, open_files_max=open_files_max, clock_ms=clock
        )
        stores.append(store)
        return store

    yield open_one
    for store in stores:
        store.close()


@pytest.fixture
def store(open_store: Callable[..., LogStore]) -> LogStore:
    return open_store()


def texts(entries: list[LogEntry]) -> list[bytes]:
    return [entry.text for entry in entries]


def segments(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "logs").rglob("*.log"))


async def take(entries: AsyncIterator[LogEntry], count: int) -> list[bytes]:
    async with asyncio.timeout(60):
        return [(await anext(entries)).text for _ in range(count)]


def test_entries_come_back_as_they_were_written(store: LogStore, clock: Clock) -> None:
    store.append("f", "one", b"first\n")
    clock.now_ms += 5
    store.append("f", "two", b"second\x1b[31m\x00\xff\n")
    first, second = store.read("f", limit=10)
    assert (first.request_id, first.text, first.timestamp_ms) == (
        "one",
        b"first\n",
        1_700_000_000_000,
    )
    assert (second.request_id, second.text, second.timestamp_ms) == (
        "two",
        b"second\x1b[31m\x00\xff\n",
        1_700_000_000_005,
    )
    assert first.position < second.position


def test_a_function_without_a_log_has_no_entries(store: LogStore, tmp_path: Path) -> None:
    assert store.read("f", limit=10) == []
    assert store.read("f", after=7, limit=10) == []
    assert not (tmp_path / "logs").exists()


def test_reading_without_a_position_gives_the_newest(store: LogStore) -> None:
    for number in range(5):
        store.append("f", "id", b"%d" % number)
    assert texts(store.read("f", limit=2)) == [b"3", b"4"]


def test_reading_on_from_a_position_gives_the_oldest_beyond_it(store: LogStore) -> None:
    for number in range(5):
        store.append("f", "id", b"%d" % number)
    page = store.read("f", after=0, limit=2)
    assert texts(page) == [b"0", b"1"]
    page = store.read("f", after=page[-1].position, limit=2)
    assert texts(page) == [b"2", b"3"]
    page = store.read("f", after=page[-1].position, limit=2)
    assert texts(page) == [b"4"]
    assert store.read("f", after=page[-1].position, limit=2) == []


def test_a_position_that_no_entry_has_misses_nothing(store: LogStore) -> None:
    store.append("f", "id", b"a" * 50)
    store.append("f", "id", b"b" * 50)
    first, second = store.read("f", limit=10)
    assert store.read("f", after=first.position - 1, limit=10) == [first, second]
    assert store.read("f", after=first.position + 1, limit=10) == [second]
    assert store.read("f", after=second.position + 1000, limit=10) == []


@pytest.mark.parametrize(
    ("one", "other"),
    [("f", "F"), ("a.b", "a_b"), ("x" * 200, "x" * 201), ("é", "è"), ("../f", "f")],
)
def test_similar_names_have_separate_logs(
    store: LogStore, tmp_path: Path, one: str, other: str
) -> None:
    store.append(one, "id", b"one")
    store.append(other, "id", b"other")
    assert texts(store.read(one, limit=10)) == [b"one"]
    assert texts(store.read(other, limit=10)) == [b"other"]
    directories = [path.name.lower() for path in (tmp_path / "logs").iterdir()]
    assert len(set(directories)) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["logs"]


@pytest.mark.parametrize("name", ["..", ".", "", "a/b", "a\0b", "\ud800", "CON", "-rf"])
def test_no_name_leaves_the_directory(store: LogStore, tmp_path: Path, name: str) -> None:
    store.append(name, "id", b"text")
    assert texts(store.read(name, limit=10)) == [b"text"]
    assert all(path.parent.parent == tmp_path / "logs" for path in segments(tmp_path))
    store.delete(name)
    assert store.read(name, limit=10) == []
    assert (tmp_path / "logs").is_dir()


def test_the_log_outlives_the_process(open_store: Callable[..., LogStore]) -> None:
    first = open_store()
    first.append("f", "id", b"before")
    [before] = first.read("f", limit=10)
    second = open_store()
    second.append("f", "id", b"after")
    assert texts(second.read("f", after=before.position, limit=10)) == [b"after"]
    assert texts(second.read("f", limit=10)) == [b"before", b"after"]


def test_disk_use_is_bounded_and_the_newest_half_is_kept(
    open_store: Callable[..., LogStore], tmp_path: Path
) -> None:
    store = open_store(bytes_max=8 * KIB)
    for number in range(500):
        store.append("f", "id", b"%04d" % number + b"x" * 96)
        assert sum(path.stat().st_size for path in segments(tmp_path)) <= 8 * KIB
    kept = texts(store.read("f", limit=1000))
    assert [int(text[:4]) for text in kept] == list(range(500 - len(kept), 500))
    assert sum(len(text) for text in kept) > 8 * KIB // 2 * 0.7


def test_a_position_in_a_removed_segment_reads_on_from_the_oldest_entry(
    open_store: Callable[..., LogStore],
) -> None:
    store = open_store(bytes_max=8 * KIB)
    store.append("f", "id", b"gone")
    [gone] = store.read("f", limit=1)
    for number in range(500):
        store.append("f", "id", b"%04d" % number + b"x" * 96)
    assert store.read("f", after=gone.position, limit=1000) == store.read("f", limit=1000)


def test_an_entry_larger_than_a_segment_keeps_its_start_and_its_end(
    open_store: Callable[..., LogStore], tmp_path: Path
) -> None:
    store = open_store(bytes_max=4 * KIB)
    store.append("f", "id", b"START\n" + b"x" * 100_000 + b"\nREPORT\n")
    [entry] = store.read("f", limit=10)
    assert entry.text.startswith(b"START\n")
    assert entry.text.endswith(b"\nREPORT\n")
    assert b"[cut to fit the log: 100014 bytes in all]" in entry.text
    assert segments(tmp_path)[0].stat().st_size == 2 * KIB


@pytest.mark.parametrize("lost", [1, 5, 12, 20])
def test_a_torn_last_entry_is_ignored_and_then_replaced(
    open_store: Callable[..., LogStore], tmp_path: Path, lost: int
) -> None:
    first = open_store()
    first.append("f", "id", b"whole")
    first.append("f", "id", b"torn")
    [path] = segments(tmp_path)
    os.truncate(path, path.stat().st_size - lost)
    assert texts(first.read("f", limit=10)) == [b"whole"]
    second = open_store()
    second.append("f", "id", b"new")
    assert texts(second.read("f", limit=10)) == [b"whole", b"new"]


def test_garbage_at_the_end_is_cut_off(open_store: Callable[..., LogStore], tmp_path: Path) -> None:
    open_store().append("f", "id", b"whole")
    [path] = segments(tmp_path)
    size = path.stat().st_size
    with path.open("ab") as file:
        file.write(os.urandom(4096))
    second = open_store()
    second.append("f", "id", b"new")
    assert texts(second.read("f", limit=10)) == [b"whole", b"new"]
    assert path.stat().st_size < size + 4096


def test_files_that_are_not_ours_are_left_alone(store: LogStore, tmp_path: Path) -> None:
    store.append("f", "id", b"text")
    stray = segments(tmp_path)[0].with_name("notes.log")
    stray.write_bytes(b"not a segment")
    store.append("f", "id", b"more")
    assert texts(store.read("f", limit=10)) == [b"text", b"more"]
    assert stray.read_bytes() == b"not a segment"


def descriptors(folder: Path) -> int:
    """How many files under *folder* this process has open."""
    found = 0
    for descriptor in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found += descriptor.readlink().is_relative_to(folder)
    return found


def test_few_descriptors_serve_many_functions(
    open_store: Callable[..., LogStore], tmp_path: Path
) -> None:
    store = open_store(open_files_max=4)
    for turn in range(3):
        for number in range(50):
            store.append(f"f{number}", "id", b"%d" % turn)
    assert descriptors(tmp_path) == 4
    assert all(
        texts(store.read(f"f{number}", limit=10)) == [b"0", b"1", b"2"] for number in range(50)
    )
    store.close()
    assert descriptors(tmp_path) == 0


def test_logs_that_are_forgotten_are_found_again(tmp_path: Path) -> None:
    store = LogStore(tmp_path / "logs", 64 * KIB, open_files_max=1, remembered_max=2)
    names = [f"function-{number}" for number in range(5)]
    for line in (b"one\n", b"two\n"):
        for name in names:
            store.append(name, "id", line)
    for name in names:
        assert texts(store.read(name, limit=10)) == [b"one\n", b"two\n"]
    assert len(store._logs) == 2
    store.close()


def test_an_entry_knows_its_stream(store: LogStore) -> None:
    store.append("hello", "id", b"text", "2026/11/23/[$LATEST]0123")
    store.append("hello", "", b"text", "another")
    first, second = store.read("hello", limit=10)
    assert (first.request_id, first.stream) == ("id", "2026/11/23/[$LATEST]0123")
    assert (second.request_id, second.stream) == ("", "another")
    assert second.start == first.position


def test_entries_from_a_moment_on(store: LogStore, clock: Clock) -> None:
    moments = []
    for number in range(3):
        clock.now_ms += 10
        moments.append(clock.now_ms)
        store.append("hello", "id", b"%d" % number)
    assert texts(list(store.entries("hello", since_ms=moments[1]))) == [b"1", b"2"]
    assert texts(list(store.entries("hello", since_ms=moments[2] + 1))) == []


def test_a_log_made_again_has_later_positions(store: LogStore, clock: Clock) -> None:
    store.append("f", "id", b"old" * 100)
    [old] = store.read("f", limit=10)
    store.delete("f")
    assert store.read("f", limit=10) == []
    clock.now_ms += 1
    store.append("f", "id", b"new")
    assert texts(store.read("f", after=old.position, limit=10)) == [b"new"]


def test_a_full_disk_is_reported_and_the_log_stays_whole(store: LogStore) -> None:
    store.append("f", "id", b"before")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        with pytest.raises(StorageFull, match="log of function f could not be written"):
            store.append("f", "id", b"x" * 500)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    store.append("f", "id", b"after")
    assert texts(store.read("f", limit=10)) == [b"before", b"after"]


def test_a_follower_sees_only_what_comes_after(store: LogStore) -> None:
    async def scenario() -> None:
        store.append("f", "id", b"before")
        following = store.follow("f")
        store.append("f", "id", b"one")
        assert await take(following, 1) == [b"one"]
        waiting = asyncio.create_task(take(following, 2))
        await asyncio.sleep(0)
        store.append("other", "id", b"not this")
        store.append("f", "id", b"two")
        store.append("f", "id", b"three")
        assert await waiting == [b"two", b"three"]

    asyncio.run(scenario())


def test_followers_start_before_the_log_does_and_do_not_disturb_each_other(
    store: LogStore,
) -> None:
    async def scenario() -> None:
        waiting = [asyncio.create_task(take(store.follow("f"), 3)) for _ in range(3)]
        await asyncio.sleep(0)
        for number in range(3):
            store.append("f", "id", b"%d" % number)
        assert await asyncio.gather(*waiting) == [[b"0", b"1", b"2"]] * 3

    asyncio.run(scenario())


def test_a_follower_continues_across_rotation(open_store: Callable[..., LogStore]) -> None:
    store = open_store(bytes_max=4 * KIB)

    async def scenario() -> None:
        following = store.follow("f")
        for number in range(200):
            store.append("f", "id", b"%03d" % number + b"x" * 97)
            [text] = await take(following, 1)
            assert text.startswith(b"%03d" % number)

    asyncio.run(scenario())


@pytest.mark.parametrize("end", ["delete", "close"])
def test_followers_end_with_the_log_and_with_the_store(store: LogStore, end: str) -> None:
    async def drain() -> list[bytes]:
        return [entry.text async for entry in store.follow("f", after=0)]

    async def scenario() -> None:
        store.append("f", "id", b"text")
        waiting = asyncio.create_task(drain())
        await asyncio.sleep(0)
        if end == "delete":
            store.delete("f")
        else:
            store.close()
        async with asyncio.timeout(60):
            assert await waiting == [b"text"]

    asyncio.run(scenario())


payloads = st.one_of(
    st.binary(max_size=300),
    st.just(b"END RequestId: id\nREPORT RequestId: id\t\n"),
    st.just(b"\x13\x00\x00\x00"),
)


@given(written=st.lists(st.tuples(st.text(max_size=40), payloads), max_size=30))
def test_no_text_forges_or_hides_another_entry(
    tmp_path_factory: pytest.TempPathFactory, written: list[tuple[str, bytes]]
) -> None:
    store = LogStore(tmp_path_factory.mktemp("logs"), 64 * KIB, clock_ms=Clock())
    for request_id, text in written:
        store.append("f", request_id, text)
    assert texts(store.read("f", limit=100)) == [text for _, text in written]
    position, paged = 0, []
    while page := store.read("f", after=position, limit=3):
        paged += texts(page)
        position = page[-1].position
    assert paged == [text for _, text in written]
    store.close()
