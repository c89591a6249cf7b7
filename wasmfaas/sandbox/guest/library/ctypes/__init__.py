"""Foreign functions, of which a sandbox has none: what there is to name, for modules that do so.

Stands in for the package of the standard library. Types can be named and derived from; loading a
library raises OSError, as it does where there is no such library.
"""

from typing import Any, Never

_WHY = "a sandbox has no foreign functions, only WebAssembly"
#: Simple types by their size in bytes.
_SIMPLE = {
    1: "c_bool c_byte c_ubyte c_char c_int8 c_uint8",
    2: "c_short c_ushort c_int16 c_uint16",
    4: "c_int c_uint c_long c_ulong c_int32 c_uint32 c_size_t c_ssize_t c_float c_wchar c_char_p "
    "c_wchar_p c_void_p py_object",
    8: "c_longlong c_ulonglong c_int64 c_uint64 c_time_t c_double",
    16: "c_longdouble",
}

RTLD_LOCAL, RTLD_GLOBAL, DEFAULT_MODE = 0, 256, 0


class ArgumentError(Exception):
    pass


class _Type(type):
    def __mul__(cls, length: int) -> "_Type":
        return _Type(f"{cls.__name__}_Array_{length}", (Array,), {})


class _Data(metaclass=_Type):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise OSError(_WHY)

    @classmethod
    def _none(cls, *args: Any) -> Never:
        raise OSError(_WHY)

    from_address = from_buffer = from_buffer_copy = in_dll = _none


class _SimpleCData(_Data):
    pass


class Structure(_Data):
    pass


class BigEndianStructure(Structure):
    pass


class LittleEndianStructure(Structure):
    pass


class Union(_Data):
    pass


class Array(_Data):
    pass


class _Pointer(_Data):
    pass


for _size, _names in _SIMPLE.items():
    for _name in _names.split():
        globals()[_name] = _Type(_name, (_SimpleCData,), {"_size": _size})


class CDLL:
    """No library can be loaded."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise OSError(_WHY)


class PyDLL(CDLL):
    pass


class LibraryLoader:
    def __init__(self, dlltype: type[CDLL]) -> None:
        self._dlltype = dlltype

    def LoadLibrary(self, name: str) -> CDLL:
        return self._dlltype(name)

    __getitem__ = LoadLibrary


cdll, pydll = LibraryLoader(CDLL), LibraryLoader(PyDLL)


def POINTER(cls: Any) -> Any:
    return _Type(f"LP_{getattr(cls, '__name__', 'void')}", (_Pointer,), {})


def CFUNCTYPE(*args: Any, **kwargs: Any) -> Any:
    return _Type("CFunctionType", (_Data,), {})


PYFUNCTYPE = CFUNCTYPE


def sizeof(obj_or_type: Any) -> int:
    """Of simple types only."""
    size: int | None = getattr(obj_or_type, "_size", None)
    if size is None:
        raise OSError(_WHY)
    return size


def _refused(*args: Any, **kwargs: Any) -> Never:
    raise OSError(_WHY)


addressof = alignment = byref = cast = create_string_buffer = create_unicode_buffer = _refused
get_errno = memmove = memset = pointer = resize = set_errno = string_at = _refused
wstring_at = _refused
