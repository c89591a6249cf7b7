// What asconfig.json puts in the place of AssemblyScript's globals: they stand on WASI here.
import { Date } from "date";
import { Level, log } from "./wasmfaas/log";
import { environment, exit, fillRandom, nowMs, randomWord, write } from "./wasmfaas/wasi";

/** An error that is thrown ends the sandbox. Where it came from is in the log. */
export function wasmfaas_abort(
  message: string | null = null,
  file: string | null = null,
  line: u32 = 0,
  column: u32 = 0,
): void {
  const what = message === null ? "aborted" : message;
  const where = file === null ? "unknown" : file;
  log(Level.Fatal, `${what} (${where}:${line.toString()}:${column.toString()})`);
}

export function wasmfaas_trace(
  message: string,
  count: i32 = 0,
  a0: f64 = 0,
  a1: f64 = 0,
  a2: f64 = 0,
  a3: f64 = 0,
  a4: f64 = 0,
): void {
  const values = [a0, a1, a2, a3, a4].slice(0, count);
  log(Level.Trace, count > 0 ? `${message} ${values.join(", ")}` : message);
}

export function wasmfaas_seed(): f64 {
  return reinterpret<f64>(randomWord());
}

export namespace wasmfaas_console {
  export function assert<T>(condition: T, message: string = ""): void {
    if (!condition) log(Level.Error, `Assertion failed: ${message}`);
  }
  export function log(message: string = ""): void {
    info(message);
  }
  export function debug(message: string = ""): void {
    write_line(Level.Debug, message);
  }
  export function info(message: string = ""): void {
    write_line(Level.Info, message);
  }
  export function warn(message: string = ""): void {
    write_line(Level.Warn, message);
  }
  export function error(message: string = ""): void {
    write_line(Level.Error, message);
  }
}

// In a namespace, `log` is its own.
function write_line(level: Level, message: string): void {
  log(level, message);
}

export class wasmfaas_Date extends Date {
  static now(): i64 {
    return nowMs();
  }
}

export namespace wasmfaas_crypto {
  export function getRandomValues(array: Uint8Array): void {
    fillRandom(array);
  }
}

@unmanaged
class Stream {
  write(text: string): void {
    write(<u32>changetype<usize>(this), text);
  }
}

export namespace wasmfaas_process {
  // @ts-ignore: decorator
  @lazy export const env: Map<string, string> = environment();
  // @ts-ignore: decorator
  @lazy export const stdout: Stream = changetype<Stream>(1);
  // @ts-ignore: decorator
  @lazy export const stderr: Stream = changetype<Stream>(2);

  /** Ends the sandbox, and the invocation with an error. */
  export function exit(code: i32 = 0): void {
    leave(code);
  }
}

function leave(code: i32): void {
  exit(code);
}
