"""What becomes of `/tmp`: of one invocation, and for whoever comes next in the same worker."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.conftest import Pool, answer
from wasmfaas.invoke.job import Errand, WorkerDied
from wasmfaas.models import Isolation
from wasmfaas.settings import MIB

LOOK = """
import os
def lambda_handler(event, context):
    seen = os.stat("/tmp")
    return [os.listdir("/tmp"), seen.st_mtime_ns, seen.st_mode]
"""


def test_a_time_that_is_set_back_hides_nothing(pool: Pool) -> None:
    hides = pool.function(
        "import os\n"
        "def lambda_handler(event, context):\n"
        "    before = os.stat('/tmp')\n"
        "    open('/tmp/secret', 'w').close()\n"
        "    os.utime('/tmp', ns=(before.st_atime_ns, before.st_mtime_ns))\n"
    )
    other = pool.function(LOOK)
    before = answer(pool.invoke(other))
    assert before[0] == []
    answer(pool.invoke(hides))
    assert answer(pool.invoke(other)) == before


def test_the_times_of_the_folder_carry_nothing(pool: Pool) -> None:
    marks = pool.function(
        "import os\ndef lambda_handler(event, context):\n    os.utime('/tmp', ns=(12, 34))\n"
    )
    other = pool.function(LOOK)
    before = answer(pool.invoke(other))
    answer(pool.invoke(marks))
    assert answer(pool.invoke(other)) == before


def test_calls_within_one_tick_of_the_clock_see_nothing(pool: Pool) -> None:
    target = pool.function(
        "import os\n"
        "def lambda_handler(event, context):\n"
        "    seen = os.listdir('/tmp')\n"
        "    open('/tmp/file', 'w').close()\n"
        "    return seen\n"
    )
    assert [answer(pool.invoke(target)) for _ in range(100)] == [[]] * 100


@pytest.mark.parametrize("isolation", list(Isolation))
def test_files_of_a_startup_are_nobody_elses(pool: Pool, isolation: Isolation) -> None:
    target = pool.function(
        "open('/tmp/start', 'w').close()\ndef lambda_handler(event, context):\n    return 1\n",
        isolation=isolation,
    )
    other = pool.function(LOOK)
    answer(pool.invoke(target))
    # The worker has made the next sandbox ready before it takes this.
    assert answer(pool.invoke(other))[0] == []


def test_a_startup_is_bounded_as_well(pool: Pool) -> None:
    target = pool.function(
        "with open('/tmp/large', 'wb') as file:\n    file.write(bytes(2 * 1024 * 1024))\n"
        "def lambda_handler(event, context):\n    return 1\n",
        tmp_bytes_max=MIB,
    )
    assert pool.invoke(target).error_type == "OSError"


@pytest.mark.parametrize("make", ["os.mkdir(f'/tmp/{i}')", "open(f'/tmp/{i}', 'w').close()"])
def test_the_number_of_entries_is_bounded(pool: Pool, make: str) -> None:
    source = "import os\ndef lambda_handler(event, context):\n    i = 0\n    while True:\n"
    target = pool.function(source + f"        {make}\n        i += 1\n", tmp_bytes_max=MIB)
    assert pool.invoke(target).error_type == "Runtime.StorageFull"


@pytest.fixture(scope="module")
def patient_pool(tmp_path_factory: pytest.TempPathFactory, cache_dir: Path) -> Iterator[Pool]:
    """One that lets a worker be late, as it may be where others use the machine as well."""
    pool = Pool(tmp_path_factory.mktemp("pool") / "data", cache_dir, kill_grace_ms=30_000)
    yield pool
    pool.close()


#: Levels that calls can't nest for; with longer names, that no path can name either.
DEPTH = 1100


@pytest.mark.parametrize(
    ("name", "spins", "timeout_ms", "error_type"),
    [
        ("d", False, 60_000, None),
        ("d", True, 1000, "Sandbox.Timedout"),
        ("deeper", True, 60_000, "Runtime.StorageFull"),
    ],
    ids=["ends", "is ended", "is too deep to be seen"],
)
def test_a_deep_tree_goes_and_ends_no_worker(
    patient_pool: Pool, name: str, spins: bool, timeout_ms: int, error_type: str | None
) -> None:
    pool = patient_pool
    digs = pool.function(
        "import os\n"
        "def lambda_handler(event, context):\n"
        "    os.mkdir('/tmp/a')\n"
        # From the innermost to the outermost, as each path of many names takes its time.
        f"    for _ in range({DEPTH}):\n"
        "        os.mkdir('/tmp/b')\n"
        f"        os.rename('/tmp/a', '/tmp/b/{name}')\n"
        "        os.rename('/tmp/b', '/tmp/a')\n"
        # Long enough for the watch to look.
        "    while event: pass\n",
        timeout_ms=timeout_ms,
    )
    other = pool.function(LOOK)
    answer(pool.invoke(other))
    (worker,) = pool.workers._workers
    assert pool.invoke(digs, spins).error_type == error_type
    assert answer(pool.invoke(other))[0] == []
    assert pool.workers._workers == {worker}


def test_what_a_guest_makes_to_the_last_goes_with_its_worker(
    tmp_path: Path, cache_dir: Path
) -> None:
    pool = Pool(tmp_path / "data", cache_dir)
    makes = pool.function(
        "import itertools, os\n"
        "def lambda_handler(event, context):\n"
        "    for number in itertools.count():\n"
        "        os.makedirs(f'/tmp/{number % 1000}/{number}')\n",
        timeout_ms=60_000,
    )
    (worker,) = pool.workers._workers

    async def close_amid() -> None:
        errand = Errand(makes, pool.request(makes), _died)
        pool.workers.submit(errand)
        async with asyncio.timeout(120):
            while not (worker.scratch_path / "tmp" / "99").exists():
                await asyncio.sleep(0.01)
        await pool.workers.close()
        assert await errand.result

    pool.runner.run(close_amid())
    pool.runner.close()
    assert worker.process.returncode is not None
    assert not (pool.root / "workers").exists()


def test_a_file_left_open_is_closed_with_its_sandbox(pool: Pool) -> None:
    target = pool.function(
        "KEPT = []\n"
        "def lambda_handler(event, context):\n"
        "    KEPT.append(open('/tmp/kept', 'wb'))\n"
        "    KEPT[-1].write(bytes(100_000))\n"
        "    return len(KEPT)\n"
    )
    for _ in range(3):
        answer(pool.invoke(target))
    (worker,) = pool.workers._workers
    descriptors = Path(f"/proc/{worker.process.pid}/fd")
    for _ in range(10):
        assert answer(pool.invoke(target)) == 1
    # The last one's may be closed just now.
    held = [name for path in descriptors.iterdir() if "tmp/kept" in (name := _target(path))]
    assert len(held) <= 1


def test_a_guest_that_opens_all_it_can_ends_no_worker(pool: Pool) -> None:
    opens = pool.function(
        "import os\nKEPT = []\n"
        "def lambda_handler(event, context):\n"
        "    try:\n"
        "        while True:\n"
        "            KEPT.append(os.open(f'/tmp/{len(KEPT)}', os.O_CREAT | os.O_WRONLY))\n"
        "    except OSError:\n"
        "        return len(KEPT)\n"
    )
    other = pool.function(LOOK)
    answer(pool.invoke(other))
    workers = set(pool.workers._workers)
    for _ in range(3):
        assert answer(pool.invoke(opens)) > 100
        assert answer(pool.invoke(other))[0] == []
    assert pool.workers._workers == workers


def _died(answer: dict[str, Any] | WorkerDied) -> bool:
    return isinstance(answer, WorkerDied)


def _target(path: Path) -> str:
    try:
        return os.readlink(path)
    except FileNotFoundError:
        return ""
