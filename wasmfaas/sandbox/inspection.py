"""A look at a module before it is compiled: is it valid, what kind is it, does it fit this host?

Every refusal is a sentence for whoever deploys the module, naming what was found, what is looked
for, and where a limit is meant, the limit.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import wasmtime
from wasmtime import _bindings, component

from wasmfaas import abi
from wasmfaas.models import Inspection, PackageKind
from wasmfaas.sandbox import binary
from wasmfaas.sandbox.engine import MEMORIES_MAX, TABLE_ELEMENTS_MAX, TABLES_MAX
from wasmfaas.sandbox.hostcalls import define_core

#: What a worker grants a sandbox, whatever its memory.
_NAMES_SHOWN = 20
_NAME_CHARACTERS = 80
_REASON_CHARACTERS = 400
_CAUSE_NUMBER = re.compile(r"^\s*\d+:\s")
_LOOKED_FOR = (
    f"Looked for: {abi.EXPORT_REACTOR_HANDLE} (reactor) or {abi.EXPORT_COMMAND_START} (WASI "
    f"command) in a core module, {abi.EXPORT_HANDLE} in a component."
)
_REACTOR_TYPES = {
    abi.EXPORT_REACTOR_HANDLE: "(i32, i32) -> i64",
    abi.EXPORT_REACTOR_ALLOC: "(i32) -> i32",
    abi.EXPORT_REACTOR_INITIALIZE: "() -> ()",
}
_COMMAND_TYPES = {abi.EXPORT_COMMAND_START: "() -> ()"}
_COMPONENT_TYPES = {
    abi.EXPORT_HANDLE: "func(string, string) -> result<string, string>",
    abi.EXPORT_INIT: "func(string) -> result<string, string>",
}

_OFFERED = {
    abi.IMPORT_CALL: "func(string, string) -> result<string, string>",
    abi.IMPORT_EMIT: "func(string) -> bool",
}


class Refused(Exception):
    """The module cannot be deployed; the message says why, to the user."""


class Inspector:
    """Looks at one module. `engine` is the one that the module is to be compiled for; a skeleton
    is compiled by another, which has no need to be metered."""

    def __init__(self, engine: wasmtime.Engine) -> None:
        self.engine = engine
        config = wasmtime.Config()
        config.cranelift_opt_level = "none"
        # A skeleton is instantiated in order to link it, so its memories must cost nothing.
        config.memory_reservation = 0
        config.memory_guard_size = 0
        config.memory_reservation_for_growth = 0
        self._skeletons = wasmtime.Engine(config)

    def inspect(self, wasm: bytes) -> Inspection:
        """What *wasm* is. Raises Refused."""
        try:
            outline = binary.outline(wasm)
            for module in outline.modules:
                self._validate(module)
            minimum = _memory_minimum([binary.needs(module) for module in outline.modules])
        except binary.Malformed as reason:
            raise Refused(f"The module cannot be used: {reason}.") from None
        try:
            if outline.is_component:
                return self._component(outline.skeleton, minimum)
            return self._module(outline.skeleton, binary.exports(wasm), minimum)
        except wasmtime.WasmtimeError as error:
            raise Refused(_not_valid(error)) from None

    def _validate(self, module: bytes) -> None:
        try:
            wasmtime.Module.validate(self.engine, module)
        except wasmtime.WasmtimeError as error:
            raise Refused(_not_valid(error)) from None

    def _module(self, skeleton: bytes, exports: dict[str, str], minimum: int) -> Inspection:
        module = wasmtime.Module(self._skeletons, skeleton)
        linker = wasmtime.Linker(self._skeletons)
        linker.define_wasi()
        define_core(linker, _never_called, _never_called)
        self._refuse_unknown_imports(module, linker)
        try:
            linker.instantiate_pre(module)
        except wasmtime.WasmtimeError as error:
            raise Refused(f"The module cannot be linked: {shown_reason(error)}") from None
        kind, expected = _core_kind(exports)
        for name, type_ in expected.items():
            optional = name == abi.EXPORT_REACTOR_INITIALIZE
            _check_export(name, exports.get(name), type_, optional)
        if kind is PackageKind.REACTOR and exports.get(abi.EXPORT_MEMORY) != "memory":
            raise Refused(
                f"The module exports {abi.EXPORT_REACTOR_HANDLE}, but not its memory: a reactor "
                f"must export a memory named {abi.EXPORT_MEMORY!r}."
            )
        has_init = kind is PackageKind.REACTOR and abi.EXPORT_REACTOR_INITIALIZE in exports
        return Inspection(kind=kind, memory_minimum_bytes=minimum, has_init=has_init)

    def _refuse_unknown_imports(self, module: wasmtime.Module, linker: wasmtime.Linker) -> None:
        store = wasmtime.Store(self._skeletons)
        unknown = [
            f"{imported.module}.{imported.name}"
            for imported in module.imports
            if not _is_offered(linker, store, imported)
        ]
        if unknown:
            offered = ", ".join(abi.CORE_IMPORT_MODULES)
            raise Refused(
                f"The module imports what is not offered: {shown_names(unknown)}. Functions can "
                f"be imported from: {offered}."
            )

    def _component(self, skeleton: bytes, minimum: int) -> Inspection:
        compiled = component.Component(self._skeletons, skeleton)
        imports = compiled.type.imports(self._skeletons)
        unknown = [
            name
            for name in imports
            if name not in _OFFERED and not name.startswith(abi.COMPONENT_IMPORT_PREFIXES)
        ]
        if unknown:
            offered = ", ".join(prefix + "*" for prefix in abi.COMPONENT_IMPORT_PREFIXES)
            raise Refused(
                f"The component imports what is not offered: {shown_names(unknown)}. Offered are: "
                f"{offered}, {', '.join(_OFFERED)}."
            )
        for name, type_ in _OFFERED.items():
            imported = _component_type(imports, name) if name in imports else type_
            if imported != type_:
                raise Refused(f"The component imports {name}: {imported}, but it must be {type_}.")
        self._link(compiled)
        exports = compiled.type.exports(self._skeletons)
        if abi.EXPORT_HANDLE not in exports:
            found = shown_names(exports) if exports else "nothing"
            raise Refused(f"The component exports {found}, but no entry point. {_LOOKED_FOR}")
        for name, type_ in _COMPONENT_TYPES.items():
            found_type = _component_type(exports, name) if name in exports else None
            _check_export(name, found_type, type_, optional=name == abi.EXPORT_INIT)
        return Inspection(
            kind=PackageKind.COMPONENT,
            memory_minimum_bytes=minimum,
            has_init=abi.EXPORT_INIT in exports,
        )

    def _link(self, compiled: component.Component) -> None:
        """Whether the interfaces imported have the functions asked for, with their types. Nothing
        of the component runs: its code was cut out."""
        linker = component.Linker(self._skeletons)
        linker.add_wasip2()
        with linker.root() as root:
            for name in _OFFERED:
                root.add_func(name, _never_called)
        store = wasmtime.Store(self._skeletons)
        store.set_limits(
            table_elements=TABLE_ELEMENTS_MAX, tables=TABLES_MAX, memories=MEMORIES_MAX
        )
        store.set_wasi(wasmtime.WasiConfig())
        try:
            linker.instantiate(store, compiled)
        except wasmtime.Trap:
            return
        except wasmtime.WasmtimeError as error:
            # What else may fail depends on data and code, which are not here.
            if str(error).startswith("component imports"):
                raise Refused(f"The component cannot be linked: {shown_reason(error)}") from None
        finally:
            store.close()


def _never_called(*_: object) -> bool:
    """What stands for our functions where nothing runs."""
    return False


def shown_names(names: Iterable[str]) -> str:
    """*names*, which a stranger chose, for a message: harmless, each of them and all in bounds."""
    everything = [_shown(name, _NAME_CHARACTERS) for name in names]
    listed = ", ".join(everything[:_NAMES_SHOWN])
    more = len(everything) - _NAMES_SHOWN
    return f"{listed} and {more} more" if more > 0 else listed


def shown_reason(error: Exception) -> str:
    """Wasmtime's words, which are a sentence and a numbered list of causes, on one line."""
    head, _, causes = str(error).partition("Caused by:")
    lines = [head, *causes.splitlines()]
    clauses = [_CAUSE_NUMBER.sub("", line).strip() for line in lines]
    return _shown(": ".join(filter(None, clauses)), _REASON_CHARACTERS).rstrip(".") + "."


def _shown(text: str, characters: int) -> str:
    if len(text) > characters:
        text = text[: characters - 1] + "…"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _not_valid(error: wasmtime.WasmtimeError) -> str:
    return f"The module is not valid WebAssembly, or uses what is off here: {shown_reason(error)}"


def _memory_minimum(modules: Sequence[binary.Needs]) -> int:
    """Bytes that all memories have from the start. Raises Refused where tables or numbers are
    beyond what a sandbox gets."""
    memories = [size for module in modules for size in module.memories]
    tables = [elements for module in modules for elements in module.tables]
    for found, most, what in (
        (len(memories), MEMORIES_MAX, "memories"),
        (len(tables), TABLES_MAX, "tables"),
        (max(tables, default=0), TABLE_ELEMENTS_MAX, "elements in one table"),
    ):
        if found > most:
            raise Refused(f"The module has {found} {what}, but at most {most} are allowed.")
    return sum(memories)


def _is_offered(
    linker: wasmtime.Linker, store: wasmtime.Store, imported: wasmtime.ImportType
) -> bool:
    if imported.module not in abi.CORE_IMPORT_MODULES or imported.name is None:
        return False
    try:
        linker.get(store, imported.module, imported.name)
    except wasmtime.WasmtimeError:
        return False
    return True


def _core_kind(exports: Iterable[str]) -> tuple[PackageKind, dict[str, str]]:
    """The kind by the exports' names, and the types that exports of this kind must have."""
    if abi.EXPORT_REACTOR_HANDLE in exports:
        return PackageKind.REACTOR, _REACTOR_TYPES
    if abi.EXPORT_COMMAND_START in exports:
        return PackageKind.COMMAND, _COMMAND_TYPES
    found = shown_names(exports) or "nothing"
    raise Refused(f"The module exports {found}, but no entry point. {_LOOKED_FOR}")


def _check_export(name: str, found: str | None, expected: str, optional: bool) -> None:
    if found == expected or (found is None and optional):
        return
    if found is None:
        raise Refused(f"The module does not export {name}: {expected}, which its kind needs.")
    raise Refused(f"The module exports {name}: {found}, but it must be {expected}.")


def _component_type(exports: Mapping[str, Any], name: str) -> str:
    try:
        type_ = exports[name].ty
        if not isinstance(type_, component.FuncType):
            return "no function"
        is_async = _bindings.wasmtime_component_func_type_async(type_.ptr())
        parameters = ", ".join(_value_type(value) for _, value in type_.params)
        result = "" if type_.result is None else f" -> {_value_type(type_.result)}"
    except TypeError:
        return "of a type that has no name here"
    return f"{'async ' if is_async else ''}func({parameters}){result}"


def _value_type(type_: component.ValType | None) -> str:
    if type_ is None:
        return "_"
    if isinstance(type_, component.ResultType):
        return f"result<{_value_type(type_.ok)}, {_value_type(type_.err)}>"
    name = type(type_).__name__.removesuffix("Type").lower()
    if isinstance(type_, component.ListType):
        return f"list<{_value_type(type_.element)}>"
    return name
