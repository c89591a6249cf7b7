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

  /** Rejects with HostError where there is no answer, or where permissions do not give it. */
  function fetch(url: string | { toString(): string }, init?: RequestInit): Promise<Response>;

  interface RequestInit {
    body?: string | ArrayBuffer | ArrayBufferView | null;
    headers?: HeadersInit;
    method?: string;
    redirect?: "follow" | "manual" | "error";
    /** How long it may take: AbortSignal.timeout(ms). The host is asked at once, so nothing else ends it. */
    signal?: AbortSignal | null;
  }

  type HeadersInit = Headers | Iterable<readonly [string, string]> | Record<string, string>;

  class Headers {
    constructor(init?: HeadersInit);
    append(name: string, value: string): void;
    delete(name: string): void;
    /** All values of a name, with commas between; null where there are none. */
    get(name: string): string | null;
    getSetCookie(): string[];
    has(name: string): boolean;
    set(name: string, value: string): void;
    forEach(visit: (value: string, name: string, headers: Headers) => void): void;
    entries(): IterableIterator<[string, string]>;
    keys(): IterableIterator<string>;
    values(): IterableIterator<string>;
    [Symbol.iterator](): IterableIterator<[string, string]>;
  }

  interface ResponseInit {
    headers?: HeadersInit;
    status?: number;
    statusText?: string;
  }

  /** What was fetched; its body can be read once. */
  class Response {
    constructor(body?: string | ArrayBuffer | ArrayBufferView | null, init?: ResponseInit);
    static json(value: unknown, init?: ResponseInit): Response;
    readonly status: number;
    readonly statusText: string;
    /** Whether the status is from 200 to 299. */
    readonly ok: boolean;
    readonly headers: Headers;
    /** Where it came from, after redirects. */
    readonly url: string;
    readonly bodyUsed: boolean;
    text(): Promise<string>;
    json(): Promise<any>;
    bytes(): Promise<Uint8Array>;
    arrayBuffer(): Promise<ArrayBuffer>;
    clone(): Response;
  }

  class AbortSignal {
    static abort(reason?: unknown): AbortSignal;
    static timeout(milliseconds: number): AbortSignal;
    readonly aborted: boolean;
    readonly reason: any;
    onabort: ((event: { type: string; target: AbortSignal }) => void) | null;
    throwIfAborted(): void;
    addEventListener(type: "abort", listener: (event: { type: string; target: AbortSignal }) => void): void;
    removeEventListener(type: "abort", listener: (event: { type: string; target: AbortSignal }) => void): void;
  }

  class AbortController {
    readonly signal: AbortSignal;
    abort(reason?: unknown): void;
  }

  /** What a handler of Lambda's kind for streaming writes its answer to. */
  interface ResponseStream {
    readonly destroyed: boolean;
    readonly writableEnded: boolean;
    setContentType(type: string): void;
    /** Sends a part, waiting for who reads it; false once no more is wanted. */
    write(part: string | ArrayBuffer | ArrayBufferView): boolean;
    end(part?: string | ArrayBuffer | ArrayBufferView): void;
  }

  var awslambda: {
    streamifyResponse<Event, Context>(
      handler: (event: Event, stream: ResponseStream, context: Context) => unknown,
    ): (event: Event, context: Context) => Promise<unknown>;
    HttpResponseStream: {
      /** Sends the head of an HTTP response; its body is what is written to the stream. */
      from(
        stream: ResponseStream,
        metadata: { statusCode?: number; headers?: Record<string, string>; cookies?: string[] },
      ): ResponseStream;
    };
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
