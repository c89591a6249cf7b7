"""What the sandbox's Python has beside its modules, and what it says of those it has not."""

import hashlib
import hmac
import json

import pytest

from tests.sandbox.conftest import Pool, answer

HANDLER = "def lambda_handler(event, context):\n"


def test_time_zones_are_in_place(pool: Pool) -> None:
    target = pool.function(
        HANDLER + "    from datetime import datetime\n    from zoneinfo import ZoneInfo\n"
        "    import zoneinfo, importlib.resources\n"
        "    here = [datetime(2026, 7, 1, 12, tzinfo=ZoneInfo('UTC'))\n"
        "            .astimezone(ZoneInfo(name)).isoformat() for name in event]\n"
        "    try:\n        ZoneInfo('Europe/Atlantis')\n"
        "    except zoneinfo.ZoneInfoNotFoundError as error:\n        here.append(str(error))\n"
        "    names = zoneinfo.available_timezones()\n"
        "    folder = importlib.resources.files('tzdata.zoneinfo').joinpath('Europe')\n"
        "    berlin = folder.joinpath('Berlin').is_file()\n"
        "    return [here, len(names) > 400, berlin, folder.is_dir(),\n"
        "            'Rome' in [each.name for each in folder.iterdir()]]\n",
        timeout_ms=30_000,
    )
    names = ["Europe/Berlin", "Asia/Kolkata", "America/Argentina/Buenos_Aires"]
    assert answer(pool.invoke(target, names)) == [
        ["2026-07-01T14:00:00+02:00", "2026-07-01T17:30:00+05:30", "2026-07-01T09:00:00-03:00",
         "'No time zone found with key Europe/Atlantis'"],
        True, True, True, True,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("module", "reason"),
    [
        ("_ctypes", "No module named '_ctypes': a sandbox has no foreign functions"),
        ("fcntl", "No module named 'fcntl': a sandbox shares no files"),
        ("bz2", "No module named '_bz2': the sandbox's Python is built without it"),
        ("multiprocessing.synchronize", "a sandbox is one process with one thread"),
        ("pkg._speedups", "machine code (_speedups.cpython-314-x86_64-linux-gnu.so)"),
        ("nothing_of_the_kind", "No module named 'nothing_of_the_kind'"),
    ],
)
def test_a_module_that_is_missing_says_why(pool: Pool, module: str, reason: str) -> None:
    source = HANDLER + "    import importlib\n    importlib.import_module(event)\n"
    native = "pkg/_speedups.cpython-314-x86_64-linux-gnu.so"
    reply = pool.invoke(pool.package({"app.py": source, "pkg/__init__.py": "", native: ""}), module)
    assert reply.error_type == "ModuleNotFoundError"
    assert reason in json.loads(reply.payload)["errorMessage"]


def test_hashes_encodings_and_locales_work(pool: Pool) -> None:
    target = pool.function(
        HANDLER + "    import hashlib, hmac, locale, sys\n"
        "    digests = [hashlib.new(name, b'x').hexdigest() for name in\n"
        "               ('md5', 'sha1', 'sha256', 'sha3_512', 'blake2b')]\n"
        "    derived = hashlib.pbkdf2_hmac('sha256', b'password', b'salt', 4096, 40).hex()\n"
        "    return [digests, derived, hmac.new(b'k', b'x', 'sha256').hexdigest(),\n"
        "            sys.getdefaultencoding(), sys.getfilesystemencoding(), locale.getencoding(),\n"
        "            'é'.encode('cp1252').hex(), b'\\x83n'.decode('shift_jis')]\n",
        timeout_ms=30_000,
    )
    names = ("md5", "sha1", "sha256", "sha3_512", "blake2b")
    assert answer(pool.invoke(target)) == [
        [hashlib.new(name, b"x").hexdigest() for name in names],
        hashlib.pbkdf2_hmac("sha256", b"password", b"salt", 4096, 40).hex(),
        hmac.new(b"k", b"x", "sha256").hexdigest(),
        "utf-8", "utf-8", "UTF-8", "e9", "ハ",
    ]  # fmt: skip


def test_tls_can_be_named_and_configured_but_not_done(pool: Pool) -> None:
    target = pool.function(
        "import ssl, socket\n" + HANDLER + "    context = ssl.create_default_context()\n"
        "    context.minimum_version = ssl.TLSVersion.TLSv1_3\n"
        "    context.options |= ssl.OP_NO_COMPRESSION\n"
        "    context.load_verify_locations(cafile='/x')\n"
        "    der = ssl.PEM_cert_to_DER_cert(ssl.DER_cert_to_PEM_cert(b'abc'))\n"
        "    try:\n        context.wrap_socket(object(), server_hostname='a')\n"
        "    except ssl.SSLError as error:\n        return [der.decode(), str(error)]\n"
    )
    der, refusal = answer(pool.invoke(target))
    assert der == "abc"
    assert "urllib.request" in refusal


def test_sleeping_beside_threads_that_cannot_be(pool: Pool) -> None:
    reply = pool.invoke(
        pool.function(
            HANDLER + "    from concurrent.futures import ThreadPoolExecutor\n"
            "    ThreadPoolExecutor().submit(print)\n"
        )
    )
    assert json.loads(reply.payload)["errorMessage"] == "can't start new thread"


def test_packages_that_name_foreign_functions_and_users_can_be_imported(pool: Pool) -> None:
    target = pool.function(
        "import ctypes, ctypes.util, os\n"
        "class Point(ctypes.Structure):\n    _fields_ = [('x', ctypes.c_int * 3)]\n"
        + HANDLER
        + "    try:\n        ctypes.CDLL('libc.so.6')\n"
        "    except OSError as error:\n"
        "        return [str(error), ctypes.util.find_library('c'), os.getuid() == os.geteuid()]\n"
    )
    reason, found, same = answer(pool.invoke(target))
    assert "no foreign functions" in reason
    assert (found, same) == (None, True)
