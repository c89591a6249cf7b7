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
