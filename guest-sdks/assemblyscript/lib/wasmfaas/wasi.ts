// What the SDK takes from WASI preview 1.

// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "fd_write")
declare function fd_write(fd: u32, vectors: usize, count: usize, written: usize): u32;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "random_get")
declare function random_get(buffer: usize, size: usize): u32;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "clock_time_get")
declare function clock_time_get(clock: u32, precision: u64, time: usize): u32;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "environ_sizes_get")
declare function environ_sizes_get(count: usize, size: usize): u32;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "environ_get")
declare function environ_get(pointers: usize, texts: usize): u32;
// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "proc_exit")
declare function proc_exit(code: u32): void;

// Where calls leave their results: two words.
// @ts-ignore: decorator
@lazy const RESULT = memory.data(16, 8);
// @ts-ignore: decorator
@lazy const VECTOR = memory.data(8, 8);

/** Writes text to a stream: 1 is stdout, 2 stderr; both are the function's log. */
export function write(stream: u32, text: string): void {
  const bytes = String.UTF8.encode(text);
  let start = changetype<usize>(bytes);
  let left = <usize>bytes.byteLength;
  while (left > 0) {
    store<usize>(VECTOR, start);
    store<usize>(VECTOR, left, sizeof<usize>());
    if (fd_write(stream, VECTOR, 1, RESULT) != 0) return;
    const written = load<usize>(RESULT);
    start += written;
    left -= written;
  }
}

/** Fills an array with the host's randomness. */
export function fillRandom(array: Uint8Array): void {
  if (random_get(array.dataStart, array.length) != 0) throw new Error("no randomness");
}

export function randomWord(): u64 {
  if (random_get(RESULT, 8) != 0) throw new Error("no randomness");
  return load<u64>(RESULT);
}

/** The wall clock: milliseconds since 1970. */
export function nowMs(): i64 {
  if (clock_time_get(0, 1_000_000, RESULT) != 0) throw new Error("no clock");
  return <i64>(load<u64>(RESULT) / 1_000_000);
}

/** The environment variables. */
export function environment(): Map<string, string> {
  const variables = new Map<string, string>();
  if (environ_sizes_get(RESULT, RESULT + 4) != 0) return variables;
  const count = load<u32>(RESULT);
  const pointers = new StaticArray<usize>(count);
  const texts = new StaticArray<u8>(load<u32>(RESULT, 4));
  if (environ_get(changetype<usize>(pointers), changetype<usize>(texts)) != 0) return variables;
  for (let index: u32 = 0; index < count; index++) {
    const start = pointers[index];
    let end = start;
    while (load<u8>(end) != 0) end++;
    const text = String.UTF8.decodeUnsafe(start, end - start);
    const equals = text.indexOf("=");
    if (equals > 0) variables.set(text.substring(0, equals), text.substring(equals + 1));
  }
  return variables;
}

/** Ends the sandbox, and the invocation with an error. */
export function exit(code: i32): void {
  proc_exit(code);
}
