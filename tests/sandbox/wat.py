"""Modules as WebAssembly text: the frame of each kind of guest, around instructions of a test's
own."""

import msgpack

_WASI = {
    "fd_close": "(param i32) (result i32)",
    "fd_write": "(param i32 i32 i32 i32) (result i32)",
    "poll_oneoff": "(param i32 i32 i32 i32) (result i32)",
    "proc_exit": "(param i32)",
    "path_open": "(param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)",
}
CREATE, EXCLUSIVE, EXISTS = 1, 4, 20
PACKAGE_DIR, TMP_DIR = 3, 4

#: Where the envelope of the answer `0` is, and the digit in it.
ZERO = f"(i64.const {16 << 32 | 7})"
_DIGIT = "(i32.const 22)"
#: An envelope of a test's own goes here.
OWN = 1024


def _text(data: bytes) -> str:
    return "".join(f"\\{byte:02x}" for byte in data)


def _imports(body: str) -> str:
    return "\n".join(
        f'(import "wasi_snapshot_preview1" "{name}" (func ${name} {type_}))'
        for name, type_ in _WASI.items()
        if f"${name}" in body
    )


def reactor(
    handle: str,
    *,
    alloc: str = "(i32.const 65536)",
    pages: int = 3,
    own: bytes = b"",
    rest: str = "",
) -> str:
    """A reactor with *handle* as the body of wasmfaas_handle, which may use $at and $i."""
    return f"""(module
      {_imports(handle)}
      (memory (export "memory") {pages})
      (data (i32.const 16) "{_text(msgpack.packb({"ok": b"0"}))}")
      (data (i32.const {OWN}) "{_text(own)}")
      {rest}
      (func $alloc (export "wasmfaas_alloc") (param $len i32) (result i32) {alloc})
      (func $handle (export "wasmfaas_handle") (param $ptr i32) (param $len i32) (result i64)
        (local $at i32) (local $i i32) {handle}))"""


def answers(envelope: bytes) -> str:
    """A reactor that answers with *envelope*."""
    return reactor(f"(i64.const {OWN << 32 | len(envelope)})", own=envelope)


def packed(value: object) -> str:
    return answers(msgpack.packb(value))


def points_to(start: int, size: int) -> str:
    """A reactor that says that its answer is *size* bytes at *start*."""
    return reactor(f"(i64.const {start << 32 | size:#x})")


def ok(text: bytes | str) -> str:
    return packed({"ok": text})


def says(digit: str) -> str:
    """Instructions that answer with the number, 0 to 9, that *digit* leaves on the stack."""
    return f"(i32.store8 {_DIGIT} (i32.add (i32.const 48) {digit})) {ZERO}"


def repeat(body: str, times: int | None = None) -> str:
    """A loop over *body*: *times*, counted in $i, or for ever."""
    if times is None:
        return f"(loop $again {body} (br $again))"
    count = "(local.tee $i (i32.add (local.get $i) (i32.const 1)))"
    return f"(loop $again {body} (br_if $again (i32.lt_u {count} (i32.const {times}))))"


def writes(size: int) -> str:
    """Instructions that write *size* bytes to stdout."""
    return f"""(i32.store (i32.const 2052) (i32.const {size}))
      (drop (call $fd_write (i32.const 1) (i32.const 2048) (i32.const 1) (i32.const 2056)))"""


def opens(descriptor: int, path: bytes, flags: int, *, more: str = "") -> str:
    """A reactor that opens *path* below a preopened descriptor; $i is what path_open returns, the
    new descriptor is at 2048."""
    rights = "(i64.const 0x42)" if flags else "(i64.const 0x2)"
    call = f"""(local.set $i (call $path_open (i32.const {descriptor}) (i32.const 0)
      (i32.const {OWN}) (i32.const {len(path)}) (i32.const {flags}) {rights} (i64.const 0)
      (i32.const 0) (i32.const 2048)))"""
    return reactor(call + (more or says("(i32.eqz (local.get $i))")), own=path)


def command(start: str, data: bytes = b"") -> str:
    """A command with *start* as the body of _start; *data* is at 1024, an iovec for it at 2048."""
    iovec = OWN.to_bytes(4, "little") + len(data).to_bytes(4, "little")
    return f"""(module
      {_imports(start)}
      (memory (export "memory") 3)
      (data (i32.const {OWN}) "{_text(data)}")
      (data (i32.const 2048) "{_text(iovec)}")
      (func (export "_start") (local $i i32) {start}))"""


def prints(data: bytes, then: str = "") -> str:
    return command(writes(len(data)) + then, data)


def component(tag: int, text: bytes, *, before: str = "") -> str:
    """A component whose handle runs *before*, then returns ok (0) or err (1) with *text*."""
    result = bytes([tag, 0, 0, 0]) + OWN.to_bytes(4, "little") + len(text).to_bytes(4, "little")
    return f"""(component
      (core module $m
        (memory (export "memory") 3)
        (data (i32.const 16) "{_text(result)}")
        (data (i32.const {OWN}) "{_text(text)}")
        (global $top (mut i32) (i32.const 65536))
        (func (export "realloc") (param i32 i32 i32 i32) (result i32)
          (global.set $top (i32.add (global.get $top) (local.get 3)))
          (i32.sub (global.get $top) (local.get 3)))
        (func (export "handle") (param i32 i32 i32 i32) (result i32) {before} (i32.const 16)))
      (core instance $i (instantiate $m))
      (alias core export $i "handle" (core func $handle))
      (alias core export $i "memory" (core memory $memory))
      (alias core export $i "realloc" (core func $realloc))
      (func (export "handle") (param "event" string) (param "context" string)
        (result (result string (error string)))
        (canon lift (core func $handle) (memory $memory) (realloc $realloc))))"""
