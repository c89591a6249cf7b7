"""Has the kernel map the pages of a file one by one, as they are touched.

Usually it maps the 16 around the touched one along. In a memory whose objects lie scattered these
add up to most of it: they count as the process's, and every search for written pages passes them.
The kernel forgoes this where a userfaultfd watches, and that is all that it is used for here: in
the asynchronous mode nobody has to answer it.
"""

import contextlib
import fcntl
import os
import platform
import struct

from wasmfaas.sandbox.kernel import Unavailable, system_call

_NUMBERS = {"x86_64": 323, "aarch64": 282}
_USER_MODE_ONLY = 1
_VERSION = 0xAA
_API = struct.Struct("QQQ")
_REGISTER = struct.Struct("QQQQ")
_MODE_WRITE_PROTECT = 1 << 1
_FEATURE_WRITE_PROTECT_UNPOPULATED = 1 << 13
_FEATURE_WRITE_PROTECT_ASYNC = 1 << 15


def _request(number: int, layout: struct.Struct) -> int:
    return 3 << 30 | layout.size << 16 | _VERSION << 8 | number


class LoneFaults:
    """Where pages are mapped one by one. Lives as long as the process, and is opened before the
    jail denies it."""

    def __init__(self) -> None:
        #: None where the kernel can't do it (before Linux 6.7): then pages are mapped as usual.
        self._descriptor: int | None = None
        with contextlib.suppress(Unavailable, KeyError):
            flags = os.O_CLOEXEC | os.O_NONBLOCK | _USER_MODE_ONLY
            descriptor = system_call(_NUMBERS[platform.machine()], flags)
            features = _FEATURE_WRITE_PROTECT_ASYNC | _FEATURE_WRITE_PROTECT_UNPOPULATED
            try:
                fcntl.ioctl(descriptor, _request(0x3F, _API), _API.pack(_VERSION, features, 0))
            except OSError:
                os.close(descriptor)
            else:
                self._descriptor = descriptor

    @property
    def is_supported(self) -> bool:
        return self._descriptor is not None

    def apply(self, start: int, size: int) -> None:
        """To the mapping of a file at [start, start + size), for as long as it exists."""
        if self._descriptor is not None:
            request = _REGISTER.pack(start, size, _MODE_WRITE_PROTECT, 0)
            # It saves memory, and what it is about works without.
            with contextlib.suppress(OSError):
                fcntl.ioctl(self._descriptor, _request(0x00, _REGISTER), request)
