// What there is in a sandbox beside the language itself; for `types` in tsconfig.json.
export {};

declare global {
  interface Console {
    assert(holds: unknown, ...values: unknown[]): void;
    count(label?: string): void;
    countReset(label?: string): void;
    debug(...values: unknown[]): void;
    dir(value: unknown): void;
    error(...values: unknown[]): void;
    group(...values: unknown[]): void;
    groupEnd(): void;
    info(...values: unknown[]): void;
    log(...values: unknown[]): void;
    table(value: unknown): void;
    time(label?: string): void;
    timeEnd(label?: string): void;
    timeLog(label?: string): void;
    trace(...values: unknown[]): void;
    warn(...values: unknown[]): void;
  }
  /** Lines in the function's log; AWS_LAMBDA_LOG_LEVEL says the least level. */
  var console: Console;

  var crypto: {
    getRandomValues<Values extends ArrayBufferView>(target: Values): Values;
    randomUUID(): string;
  };

  var process: {
    readonly env: Record<string, string | undefined>;
    /** Ends the sandbox, and the invocation with Runtime.ExitError. */
    exit(code?: number): never;
    nextTick(job: (...values: any[]) => void, ...values: any[]): void;
    readonly platform: "wasi";
    readonly stderr: { write(text: string): void };
    /** What is written goes to the log as it is. */
    readonly stdout: { write(text: string): void };
  };

  var performance: { now(): number };

  class TextEncoder {
    readonly encoding: string;
    encode(text?: string): Uint8Array;
    encodeInto(text: string, target: Uint8Array): { read: number; written: number };
  }

  class TextDecoder {
    constructor(label?: string, options?: { fatal?: boolean; ignoreBOM?: boolean });
    readonly encoding: string;
    readonly fatal: boolean;
    readonly ignoreBOM: boolean;
    decode(input?: ArrayBuffer | ArrayBufferView, options?: { stream?: boolean }): string;
  }

  function atob(encoded: string): string;
  function btoa(characters: string): string;
  function clearImmediate(id: number | undefined): void;
  function clearInterval(id: number | undefined): void;
  function clearTimeout(id: number | undefined): void;
  function queueMicrotask(job: () => void): void;
  function setImmediate(job: (...values: any[]) => void, ...values: any[]): number;
  function setInterval(job: (...values: any[]) => void, ms?: number, ...values: any[]): number;
  function setTimeout(job: (...values: any[]) => void, ms?: number, ...values: any[]): number;
}
