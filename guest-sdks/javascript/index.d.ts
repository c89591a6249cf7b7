// What a function imports from "wasmfaas".

/** What a handler is told about its invocation: AWS Lambda's context object. */
export interface Context {
  readonly functionName: string;
  readonly functionVersion: string;
  readonly invokedFunctionArn: string;
  /** In MB, in decimal digits. */
  readonly memoryLimitInMB: string;
  readonly awsRequestId: string;
  readonly logGroupName: string;
  readonly logStreamName: string;
  /** What the caller sent as ClientContext. */
  readonly clientContext?: unknown;
  readonly identity?: unknown;
  /** X-Ray's trace header. */
  readonly traceId?: string;
  callbackWaitsForEmptyEventLoop: boolean;
  /** The host's own object: section 3 of the guest ABI. */
  readonly raw: Readonly<Record<string, unknown>>;
  /** Milliseconds until the invocation is ended; never less than 0. */
  getRemainingTimeInMillis(): number;
}

/** A function: what it returns or resolves to is the answer, what it throws the error. */
export type Handler<Event = any, Answer = any> = (
  event: Event,
  context: Context,
) => Answer | Promise<Answer>;

/** The event of a function URL (payload format 2.0). */
export interface HttpEvent {
  version?: string;
  rawPath?: string;
  rawQueryString?: string;
  headers?: Record<string, string>;
  cookies?: string[];
  queryStringParameters?: Record<string, string>;
  requestContext: { http: { method: string; path?: string; [member: string]: unknown }; [member: string]: unknown };
  body?: string;
  isBase64Encoded?: boolean;
}

/** The request that a function URL's event holds. */
export class HttpRequest {
  /** Throws TypeError where the event is none of a function URL. */
  constructor(event: HttpEvent);
  readonly method: string;
  readonly path: string;
  /** By lower-case name. */
  readonly headers: Record<string, string>;
  readonly cookies: string[];
  /** Name to value; of a name that comes twice, the last value. */
  readonly query: Record<string, string>;
  /** The value of a header, whatever the case of the name. */
  header(name: string): string | undefined;
  bytes(): Uint8Array;
  text(): string;
  /** The body, parsed as JSON. Throws SyntaxError. */
  json(): any;
}

/** What a function URL makes a response of. */
export interface HttpAnswer {
  statusCode: number;
  headers: Record<string, string>;
  body: string;
  cookies?: string[];
  isBase64Encoded?: boolean;
}

export interface AnswerOptions {
  /** HTTP status; 200. */
  status?: number;
  headers?: Record<string, string>;
  /** Whole `Set-Cookie` values. */
  cookies?: string[];
}

export function json(value: unknown, options?: AnswerOptions): HttpAnswer;
export function text(body: string, options?: AnswerOptions): HttpAnswer;
export function html(markup: string, options?: AnswerOptions): HttpAnswer;
export function binary(body: Uint8Array, options?: AnswerOptions): HttpAnswer;
/** Sends the client elsewhere; status 302. */
export function redirect(location: string, options?: Omit<AnswerOptions, "cookies">): HttpAnswer;

/** Why the host did not do what it was asked for: section 12 of the guest ABI. */
export type HostErrorType =
  | "AccessDenied"
  | "ConnectionFailed"
  | "InvalidRequest"
  | "LimitExceeded"
  | "NotFound"
  | "RecursionDetected"
  | "Throttled"
  | "Timeout"
  | "Unavailable"
  | "VersionConflict";

/** The host did not do what it was asked for. `name` is the same as `type`. */
export class HostError extends Error {
  constructor(type: HostErrorType, message: string);
  readonly type: HostErrorType;
}

/**
 * Asks the host for an operation of the guest ABI's section 12, with its answer as it is there:
 * bytes are a string, or `{ base64: … }`. In a request an ArrayBuffer or a view may stand for bytes.
 * Rejects with HostError.
 */
export function call(operation: string, request?: Readonly<Record<string, unknown>>): Promise<any>;

export interface KeyOptions {
  /** A shared namespace; without one, the function's own. */
  namespace?: string;
}

/** What is under a key; without a value, `version` is 0, and `text` and `bytes` are null. */
export interface Entry {
  /** In UTF-8; what is not becomes U+FFFD. */
  readonly text: string | null;
  readonly bytes: Uint8Array | null;
  readonly version: number;
  /** Unix time in milliseconds at which it goes; null for never. */
  readonly expiresAtMs: number | null;
}

export interface Key {
  readonly key: string;
  readonly version: number;
  readonly expiresAtMs: number | null;
}

export interface SetOptions extends KeyOptions {
  /** For how long it is kept. */
  ttlMs?: number;
  /** Only where the key has this version, 0 for none; else HostError with `VersionConflict`. */
  ifVersion?: number;
}

/** A durable table of keys and values. All reject with HostError. */
export const kv: {
  entry(key: string, options?: KeyOptions): Promise<Entry>;
  /** The text under a key, or null. */
  get(key: string, options?: KeyOptions): Promise<string | null>;
  getBytes(key: string, options?: KeyOptions): Promise<Uint8Array | null>;
  /** The version that the key has now. */
  set(key: string, value: string | ArrayBuffer | ArrayBufferView, options?: SetOptions): Promise<number>;
  /** Whether it was there. */
  delete(key: string, options?: Omit<SetOptions, "ttlMs">): Promise<boolean>;
  /** Those that begin with *prefix*, in order; a call for every thousand of them. */
  keys(prefix?: string, options?: KeyOptions): AsyncIterableIterator<Key>;
};

/** What the operator keeps for functions. Rejects with HostError. */
export const secrets: {
  get(name: string): Promise<string>;
  getBytes(name: string): Promise<Uint8Array>;
};

/** The function that was invoked ended with an error; `payload` is what it says of it. */
export class FunctionError extends Error {
  constructor(kind: string, payload: unknown);
  /** `Handled` or `Unhandled`. */
  readonly kind: string;
  readonly payload: any;
}

/**
 * Calls another function, by name, `name:qualifier` or ARN, and waits for its answer. Rejects with
 * FunctionError where it failed, and with HostError where it was not called.
 */
export function invoke(name: string, event?: unknown): Promise<any>;
/** Has another function called later: resolves to the request's id, once the event is stored. */
export function invokeEvent(name: string, event?: unknown): Promise<string>;
