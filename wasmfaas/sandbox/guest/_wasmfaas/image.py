"""What goes into the image of the runtime: what every function needs."""

import os
import sys

import _wasmfaas
from _wasmfaas.absences import Absences
from _wasmfaas.adaptations import Adaptations
from _wasmfaas.library import Library
from _wasmfaas.output import text_stream
from _wasmfaas.runtime import Runtime

_WARM_UP_CALLS = 100
#: Of the only user that there is.
_USER_ID = 1000


def prepare_image(runtime: Runtime) -> None:
    """Put what every function needs into the image, and take out what only the build needed."""
    library = Library()
    library.collect(next(path for path in sys.path if os.path.exists(f"{path}/os.py")))
    library.collect(os.path.join(os.path.dirname(os.path.dirname(_wasmfaas.__file__)), "library"))
    sys.meta_path.insert(0, Adaptations())
    sys.meta_path += [library, Absences()]
    for name in ("getuid", "geteuid", "getgid", "getegid"):
        if not hasattr(os, name):
            setattr(os, name, lambda: _USER_ID)
    sys.path.clear()
    sys.path_importer_cache.clear()
    sys.dont_write_bytecode = True
    sys.stdout = sys.__stdout__ = text_stream(1)  # type: ignore[misc]
    sys.stderr = sys.__stderr__ = text_stream(2)  # type: ignore[misc]
    runtime.warm_up(_WARM_UP_CALLS)
