"""The binary format, as far as a look at a module needs it without compiling its code.

Compiling is what costs (a hundred kilobytes can take minutes), but Wasmtime tells the types of
imports and exports only of what it has compiled. So the code is cut out first: `skeleton` puts a
trap in the place of every function body and drops the data; what remains compiles in an instant.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

PAGE_BYTES = 65536
#: Components in components in components…
NESTING_MAX = 16
SECTIONS_MAX = 100_000
#: Even without code they take some 20 µs each.
FUNCTIONS_MAX = 250_000

_MAGIC = b"\0asm"
_HEADER_BYTES = 8
_LAYER_MODULE = b"\x01\0\0\0"
_LAYER_COMPONENT = b"\x0d\0\x01\0"
_CUSTOM, _TYPE, _IMPORT, _FUNCTION, _TABLE, _MEMORY, _EXPORT, _START = 0, 1, 2, 3, 4, 5, 7, 8
_CODE, _DATA, _DATA_COUNT = 10, 11, 12
_COMPONENT_MODULE, _COMPONENT_NESTED = 1, 4
#: A body without locals that traps: its size, no locals, `unreachable`, `end`.
_TRAP_BODY = b"\x03\x00\x00\x0b"
_LIMITS_MAXIMUM = 1
_VALUE_TYPES = {
    0x7F: "i32", 0x7E: "i64", 0x7D: "f32", 0x7C: "f64", 0x7B: "v128",
    0x70: "funcref", 0x6F: "externref",
}  # fmt: skip
_KINDS = ("function", "table", "memory", "global", "tag")
_TABLE_INITIALISED = 0x40
_REFERENCE_TYPED = (0x63, 0x64)


class Malformed(Exception):
    """The bytes are not a module, or too much of one. The message is a clause for the user."""


@dataclass(slots=True)
class Outline:
    """What a walk over the sections finds. Only `skeleton` and `modules` can be had before the
    modules have been validated."""

    is_component: bool
    skeleton: bytes = b""
    #: The core modules, that is the whole or what a component holds.
    modules: list[bytes] = field(default_factory=list)
    sections: int = 0
    functions: int = 0


@dataclass(frozen=True, slots=True)
class Needs:
    """What one core module asks for at its start: bytes of each memory, elements of each table."""

    memories: list[int]
    tables: list[int]


def outline(wasm: bytes) -> Outline:
    """Walk over *wasm*. Raises Malformed."""
    found = Outline(_is_component(wasm))
    found.skeleton = _cut(wasm, found, depth=0)
    return found


def needs(module: bytes) -> Needs:
    """What *module*, which has been validated, defines. Raises Malformed."""
    found = Needs([], [])
    for section, contents in sections(module):
        if section == _MEMORY:
            found.memories.extend(_memories(_Reader(contents)))
        elif section == _TABLE:
            found.tables.extend(_tables(_Reader(contents)))
    return found


def exports(module: bytes) -> dict[str, str]:
    """What *module*, which has been validated, exports: the type of functions, like
    `(i32, i32) -> i64`, and the kind of anything else. Raises Malformed.

    Wasmtime could tell, but its C API aborts the process over types that it has no words for.
    """
    types: list[str] = []
    functions: list[int] = []
    found: dict[str, str] = {}
    for section, contents in sections(module):
        reader = _Reader(contents)
        if section == _TYPE:
            types = [_function_type(reader) for _ in range(reader.number())]
        elif section == _IMPORT:
            functions = list(_imported_functions(reader))
        elif section == _FUNCTION:
            functions += [reader.number() for _ in range(reader.number())]
        elif section == _EXPORT:
            for _ in range(reader.number()):
                name = bytes(reader.take(reader.number())).decode("utf-8", "replace")
                kind, index = reader.byte(), reader.number()
                try:
                    found[name] = types[functions[index]] if kind == 0 else _KINDS[kind]
                except IndexError:
                    raise Malformed(f"its export {name!r} leads nowhere") from None
    return found


class _Reader:
    """A position in bytes."""

    def __init__(self, data: bytes | memoryview, at: int = 0) -> None:
        self.data = data
        self.at = at

    @property
    def ended(self) -> bool:
        return self.at >= len(self.data)

    def byte(self) -> int:
        if self.ended:
            raise Malformed("it ends in the middle of a section")
        self.at += 1
        return self.data[self.at - 1]

    def number(self) -> int:
        """An unsigned LEB128 number of up to 64 bits."""
        value = 0
        for shift in range(0, 70, 7):
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
        raise Malformed("a number in it is longer than 64 bits")

    def take(self, size: int) -> memoryview:
        if size > len(self.data) - self.at:
            raise Malformed("it ends in the middle of a section")
        self.at += size
        return memoryview(self.data)[self.at - size : self.at]


def _is_component(wasm: bytes | memoryview) -> bool:
    if wasm[:4] != _MAGIC:
        raise Malformed("it does not begin with \\0asm, as every WebAssembly module does")
    layer = bytes(wasm[4:_HEADER_BYTES])
    if layer not in (_LAYER_MODULE, _LAYER_COMPONENT):
        raise Malformed(f"its version, {layer.hex(' ') or 'missing'}, is not known")
    return layer == _LAYER_COMPONENT


def sections(wasm: bytes | memoryview) -> Iterator[tuple[int, memoryview]]:
    reader = _Reader(wasm, _HEADER_BYTES)
    while not reader.ended:
        section = reader.byte()
        yield section, reader.take(reader.number())


def _cut(wasm: bytes | memoryview, found: Outline, depth: int) -> bytes:
    if depth > NESTING_MAX:
        raise Malformed(f"its components are nested more than {NESTING_MAX} deep")
    is_component = _is_component(wasm)
    if not is_component:
        found.modules.append(bytes(wasm))
    kept = bytearray(wasm[:_HEADER_BYTES])
    for section, contents in sections(wasm):
        found.sections += 1
        if found.sections > SECTIONS_MAX:
            raise Malformed(f"it has more than {SECTIONS_MAX} sections")
        cut: bytes | memoryview | None = contents
        if section == _CUSTOM:
            cut = None
        elif is_component and section in (_COMPONENT_MODULE, _COMPONENT_NESTED):
            cut = _cut(contents, found, depth + 1)
        elif not is_component and section in (_START, _DATA, _DATA_COUNT):
            cut = None
        elif not is_component and section == _CODE:
            count = _Reader(contents).number()
            found.functions += count
            if found.functions > FUNCTIONS_MAX:
                raise Malformed(f"it has more than {FUNCTIONS_MAX} functions")
            cut = _encode(count) + _TRAP_BODY * count
        if cut is not None:
            kept.append(section)
            kept += _encode(len(cut))
            kept += cut
    return bytes(kept)


def _encode(number: int) -> bytes:
    encoded = bytearray()
    while number >= 0x80:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def _function_type(reader: _Reader) -> str:
    reader.byte()
    parameters, results = (
        [_value_type(reader) for _ in range(reader.number())] for _ in ("parameters", "results")
    )
    result = results[0] if len(results) == 1 else f"({', '.join(results)})"
    return f"({', '.join(parameters)}) -> {result}"


def _value_type(reader: _Reader) -> str:
    kind = reader.byte()
    _skip_type(reader, kind)
    return _VALUE_TYPES.get(kind, "ref")


def _imported_functions(reader: _Reader) -> Iterator[int]:
    """The type of each."""
    for _ in range(reader.number()):
        for _ in ("module", "name"):
            reader.take(reader.number())
        match reader.byte():
            case 0:
                yield reader.number()
            case 1:
                _skip_type(reader, reader.byte())
                _limits(reader)
            case 2:
                _limits(reader)
            case 3:
                _skip_type(reader, reader.byte())
                reader.byte()
            case _:
                reader.byte()
                reader.number()


def _memories(reader: _Reader) -> Iterator[int]:
    for _ in range(reader.number()):
        yield _limits(reader) * PAGE_BYTES


def _tables(reader: _Reader) -> Iterator[int]:
    for _ in range(reader.number()):
        kind = reader.byte()
        if kind == _TABLE_INITIALISED:
            # An expression follows the limits, and with it the section ends for us: of the
            # tables after this one Wasmtime will refuse what is too large at instantiation.
            reader.byte()
            _skip_type(reader, reader.byte())
            yield _limits(reader)
            return
        _skip_type(reader, kind)
        yield _limits(reader)


def _skip_type(reader: _Reader, kind: int) -> None:
    if kind in _REFERENCE_TYPED:
        reader.number()


def _limits(reader: _Reader) -> int:
    """The minimum."""
    flags = reader.byte()
    minimum = reader.number()
    if flags & _LIMITS_MAXIMUM:
        reader.number()
    return minimum
