"""Where a function's handler is looked for, and what is told where it can't be had."""

import importlib
import os
import sys
from collections.abc import Callable
from typing import Any

from _wasmfaas.context import LambdaContext
from _wasmfaas.failures import FunctionError, exit_error, frames, log_error, report

TASK_PATH = "/var/task"
_LAYER_PATH = "/opt/python"
_RUNTIME_PREFIX = "AWS_Lambda_"


def search_path() -> tuple[str, str, str]:
    """Where modules are looked for, in Lambda's order. The Python in the path is the one that the
    function asks for: that is what its layers were made for."""
    python = os.environ.get("AWS_EXECUTION_ENV", "").removeprefix(_RUNTIME_PREFIX)
    return TASK_PATH, f"{_LAYER_PATH}/lib/{python}/site-packages", _LAYER_PATH


def load(handler: str) -> Callable[[Any, LambdaContext], Any]:
    try:
        module_name, function_name = handler.rsplit(".", 1)
    except ValueError as error:
        message = f"Bad handler '{handler}': {error}"
        raise FunctionError("Runtime.MalformedHandlerName", message, [], "") from None
    module_name = module_name.replace("/", ".")
    if module_name in sys.builtin_module_names:
        message = f"Cannot use built-in module {module_name} as a handler module"
        raise FunctionError("Runtime.BuiltInModuleConflict", message, [], "")
    module = _import(module_name)
    function = getattr(module, function_name, None)
    if not hasattr(module, function_name):
        message = f"Handler '{function_name}' missing on module '{module_name}'"
        raise FunctionError("Runtime.HandlerNotFound", message, [], "")
    if not callable(function):
        message = (
            f"Handler '{function_name}' on module '{module_name}' is not callable: "
            f"it is of type {type(function).__name__}"
        )
        raise FunctionError("Runtime.HandlerNotFound", message, [], "")
    return function  # type: ignore[no-any-return]


def _import(module_name: str) -> Any:
    try:
        return importlib.import_module(module_name)
    except ImportError as error:
        message = f"Unable to import module '{module_name}': {error}"
        log_error("Runtime.ImportModuleError", message, frames(error))
        raise FunctionError("Runtime.ImportModuleError", message, frames(error), "") from None
    except SyntaxError as error:
        message = f"Syntax error in module '{module_name}': {error}"
        trace = [f'  File "{error.filename}" Line {error.lineno}\n    {error.text}']
        log_error("Runtime.UserCodeSyntaxError", message, trace)
        raise FunctionError("Runtime.UserCodeSyntaxError", message, trace, "") from None
    except SystemExit as error:
        raise exit_error(error, "") from None
    except BaseException as error:
        raise report(error, "") from None
