"""Where a package starts: its handler and its runtime."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from wasmfaas.abi import PROVIDED_RUNTIMES, PYTHON_RUNTIMES
from wasmfaas.cli.failures import Failure
from wasmfaas.cli.project import FunctionSettings

#: The runtime that a Python package gets when nobody says which; every `python3.x` runs alike.
PYTHON_RUNTIME = "python3.14"
MODULE_RUNTIME = PROVIDED_RUNTIMES[0]
FUNCTION_NAME = "lambda_handler"
#: Files that are looked at first, in this order.
CONVENTIONAL = ("app.py", "lambda_function.py", "main.py")
#: How much of a source file is looked at.
SOURCE_BYTES_READ = 4 * 1024 * 1024

# Not a parse: the guest's Python is newer than the one that runs this.
_DEFINITION = re.compile(
    rb"^(?:async[ \t]+)?def[ \t]+lambda_handler\b"
    rb"|^lambda_handler[ \t]*[:=]"
    rb"|^(?:from|import)[ \t].*\blambda_handler\b",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Entry:
    """What Lambda calls Handler and Runtime."""

    handler: str
    runtime: str


def find(
    names: Sequence[str], read: Callable[[str], bytes], chosen: FunctionSettings, shown: str
) -> Entry:
    """The entry of a package with the files *names*, as *chosen* or else as found.

    Raises Failure where nothing is chosen and nothing, or more than one thing, is found; and
    where the handler chosen names a file that is not there.
    """
    runtime = chosen.runtime or _runtime(names, chosen.handler)
    if runtime not in PYTHON_RUNTIMES + PROVIDED_RUNTIMES:
        raise Failure(
            "InvalidRuntime",
            f"runtime is {runtime!r}, but must be one of "
            f"{', '.join(PYTHON_RUNTIMES + PROVIDED_RUNTIMES)}",
        )
    if runtime in PROVIDED_RUNTIMES:
        if chosen.handler and {chosen.handler, f"{chosen.handler}.wasm"} & set(names):
            return Entry(chosen.handler, runtime)
        # A handler that names no file still runs the one module that there is.
        module = _module(names, shown)
        return Entry(chosen.handler or module, runtime)
    if chosen.handler:
        _check_python_handler(chosen.handler, names, shown)
        return Entry(chosen.handler, runtime)
    return Entry(_python_handler(names, read, shown), runtime)


def _runtime(names: Sequence[str], handler: str | None) -> str:
    if handler is not None:
        named = {handler, f"{handler}.wasm"}
        has_module = any(name in named and _is_module(name) for name in names)
        return MODULE_RUNTIME if has_module else PYTHON_RUNTIME
    has_python = any(name.endswith(".py") for name in _top_level(names))
    return MODULE_RUNTIME if not has_python and _modules(names) else PYTHON_RUNTIME


def _is_module(name: str) -> bool:
    return name == "bootstrap" or name.endswith(".wasm")


def _top_level(names: Sequence[str]) -> list[str]:
    return [name for name in names if "/" not in name]


def _modules(names: Sequence[str]) -> list[str]:
    return [name for name in _top_level(names) if _is_module(name)]


def _module(names: Sequence[str], shown: str) -> str:
    modules = _modules(names)
    for name in ("bootstrap", "bootstrap.wasm"):
        if name in modules:
            return "bootstrap"
    if len(modules) == 1:
        return modules[0].removesuffix(".wasm")
    if modules:
        raise _unclear(f"{shown} holds several modules ({', '.join(modules)})", "module")
    raise Failure(
        "HandlerNotFound",
        f"{shown} holds no module: there is neither bootstrap.wasm nor any other .wasm file at "
        "its top level; build it first",
    )


def _python_handler(names: Sequence[str], read: Callable[[str], bytes], shown: str) -> str:
    files = [name for name in _top_level(names) if name.endswith(".py")]
    if not files:
        raise Failure(
            "HandlerNotFound",
            f"{shown} holds neither a Python file nor a .wasm module at its top level; build the "
            "module first, or name the handler with --handler or in wasmfaas.toml",
        )
    defining = [name for name in files if _DEFINITION.search(read(name))]
    conventional = [name for name in CONVENTIONAL if name in defining]
    if conventional:
        return f"{conventional[0].removesuffix('.py')}.{FUNCTION_NAME}"
    if len(defining) == 1:
        return f"{defining[0].removesuffix('.py')}.{FUNCTION_NAME}"
    if defining:
        raise _unclear(f"{FUNCTION_NAME} is defined in {', '.join(defining)}", "module.function")
    looked = ", ".join(files[:5]) + (", …" if len(files) > 5 else "")
    raise Failure(
        "HandlerNotFound",
        f"no {FUNCTION_NAME} found in {shown} (looked in {looked}); define "
        f"{FUNCTION_NAME}(event, context), or name another function with "
        "--handler module.function or handler in wasmfaas.toml",
    )


def _check_python_handler(handler: str, names: Sequence[str], shown: str) -> None:
    module, dot, function = handler.rpartition(".")
    if not (module and dot and function):
        raise Failure(
            "InvalidHandler",
            f"handler is {handler!r}, but must be of the form module.function, such as "
            f"app.{FUNCTION_NAME}",
        )
    base = module.replace(".", "/")
    if not {f"{base}.py", f"{base}.pyc", f"{base}/__init__.py"} & set(names):
        raise Failure(
            "HandlerNotFound",
            f"handler is {handler!r}, but {shown} has neither {base}.py nor {base}/__init__.py",
        )


def _unclear(found: str, form: str) -> Failure:
    return Failure(
        "HandlerNotFound",
        f"{found}; say which one to use with --handler {form} or handler in wasmfaas.toml",
    )
