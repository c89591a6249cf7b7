// Calls to the host, section 12 of the ABI. What the function may do, its permissions say.
import { Json } from "./json";
import { pack, unpack } from "./msgpack";
import { Writer } from "./writer";

// @ts-ignore: decorator
@external("wasmfaas", "call")
declare function host_call(op: usize, op_size: usize, request: usize, request_size: usize): u64;
// @ts-ignore: decorator
@external("wasmfaas", "take")
declare function host_take(buffer: usize, size: usize): usize;

/** What became of a call: look at `failed` first, there are no exceptions. */
export class Answer {
  /** Empty where it went well; else one of the ABI, as `AccessDenied`. */
  errorType: string = "";
  errorMessage: string = "";
  /** The members of the answer. */
  json: Json = Json.object();

  get failed(): bool {
    return this.errorType.length > 0;
  }
}

/** Any operation of the ABI: `call("kv.get", Json.object().set("key", "a"))`. */
export function call(op: string, request: Json): Answer {
  return asked<Answer>(op, request);
}

function asked<T extends Answer>(op: string, request: Json): T {
  const answer = instantiate<T>();
  const name = String.UTF8.encode(op);
  const writer = new Writer();
  pack(writer, request);
  const result = host_call(
    changetype<usize>(name), name.byteLength, changetype<usize>(writer.buffer), writer.size,
  );
  const taken = new ArrayBuffer(<i32>result);
  host_take(changetype<usize>(taken), taken.byteLength);
  const json = unpack(taken);
  if (json !== null) answer.json = json;
  if (result >> 32 != 0 || json === null) {
    answer.errorType = answer.json.get("errorType").string("Unavailable");
    answer.errorMessage = answer.json.get("errorMessage").string("the answer cannot be read");
  }
  return answer;
}

function text(bytes: Uint8Array): string {
  return String.UTF8.decodeUnsafe(bytes.dataStart, bytes.length);
}

export class FetchOptions {
  method: string = "GET";
  headers: Map<string, string> = new Map();
  body: Uint8Array | null = null;
  /** `follow`, `manual` or `error`. */
  redirect: string = "follow";
  /** 0 is the host's own limit. */
  timeoutMs: i64 = 0;

  /** A header of the request; these options. */
  header(name: string, value: string): FetchOptions {
    this.headers.set(name, value);
    return this;
  }
}

export class FetchAnswer extends Answer {
  get status(): i32 { return <i32>this.json.get("status").integer(); }
  get ok(): bool { return this.status >= 200 && this.status < 300; }
  /** Where the answer came from. */
  get url(): string { return this.json.get("url").string(); }
  get body(): Uint8Array { return this.json.get("body").bytes(); }
  get text(): string { return text(this.body); }

  /** A header, its name in small letters; empty where there is none. */
  header(name: string): string {
    const headers = this.json.get("headers").items;
    for (let index = 0; index < headers.length; index++) {
      if (headers[index].at(0).string().toLowerCase() == name) return headers[index].at(1).string();
    }
    return "";
  }
}

/** An HTTP request, to where the function's permissions allow it. */
export function fetch(url: string, options: FetchOptions = new FetchOptions()): FetchAnswer {
  const headers = Json.array();
  const names = options.headers.keys();
  for (let index = 0; index < names.length; index++) {
    headers.push(Json.array().push(names[index]).push(options.headers.get(names[index])));
  }
  const request = Json.object().set("url", url).set("method", options.method)
    .set("headers", headers).set("redirect", options.redirect);
  const body = options.body;
  if (body !== null) request.set("body", body);
  if (options.timeoutMs > 0) request.set("timeoutMs", options.timeoutMs);
  return asked<FetchAnswer>("fetch", request);
}

export class InvokeAnswer extends Answer {
  get status(): i32 { return <i32>this.json.get("status").integer(); }
  /** What the function answered, JSON text; an error payload where `functionError` is not empty. */
  get payload(): Json {
    const payload = Json.read(this.json.get("payload").bytes());
    return payload === null ? new Json() : payload;
  }
  get functionError(): string { return this.json.get("functionError").string(); }
  get executedVersion(): string { return this.json.get("executedVersion").string(); }
}

/** Calls another function and waits for its answer; with `type` `Event` it does not wait. */
export function invoke(
  name: string, payload: Json, type: string = "RequestResponse",
): InvokeAnswer {
  const request = Json.object().set("function", name).set("type", type)
    .set("payload", payload.toString());
  return asked<InvokeAnswer>("invoke", request);
}

export class KvAnswer extends Answer {
  /** Whether there is such a key. */
  get found(): bool { return !this.json.get("value").isNull; }
  get value(): Uint8Array { return this.json.get("value").bytes(); }
  get text(): string { return text(this.value); }
  /** What `ifVersion` compares with; 0 of a key that is not there. */
  get version(): i64 { return this.json.get("version").integer(); }
  /** Milliseconds since 1970; 0 where it does not end. */
  get expiresAtMs(): i64 { return this.json.get("expiresAtMs").integer(); }
  /** Of `remove`: whether there was such a key. */
  get deleted(): bool { return this.json.get("deleted").boolean(); }
}

export class KvList extends Answer {
  get keys(): string[] {
    const found = this.json.get("keys").items;
    const keys: string[] = [];
    for (let index = 0; index < found.length; index++) keys.push(found[index].get("key").string());
    return keys;
  }
  /** The `after` of the next page; empty where this was the last. */
  get next(): string { return this.json.get("next").string(); }
}

/** Values that outlive invocations. `ifVersion` below 0 is any version, 0 "is not there". */
export namespace kv {
  function keyed(key: string, namespace_: string): Json {
    const request = Json.object().set("key", key);
    return namespace_.length > 0 ? request.set("namespace", namespace_) : request;
  }

  export function get(key: string, namespace_: string = ""): KvAnswer {
    return asked<KvAnswer>("kv.get", keyed(key, namespace_));
  }

  export function set(
    key: string, value: Uint8Array, ttlMs: i64 = 0, ifVersion: i64 = -1, namespace_: string = "",
  ): KvAnswer {
    const request = keyed(key, namespace_).set("value", value);
    if (ttlMs > 0) request.set("ttlMs", ttlMs);
    if (ifVersion >= 0) request.set("ifVersion", ifVersion);
    return asked<KvAnswer>("kv.set", request);
  }

  /** `set` with text, in UTF-8. */
  export function setText(
    key: string, value: string, ttlMs: i64 = 0, ifVersion: i64 = -1, namespace_: string = "",
  ): KvAnswer {
    return set(key, Uint8Array.wrap(String.UTF8.encode(value)), ttlMs, ifVersion, namespace_);
  }

  export function remove(key: string, ifVersion: i64 = -1, namespace_: string = ""): KvAnswer {
    const request = keyed(key, namespace_);
    if (ifVersion >= 0) request.set("ifVersion", ifVersion);
    return asked<KvAnswer>("kv.delete", request);
  }

  export function list(
    prefix: string = "", limit: i32 = 100, after: string = "", namespace_: string = "",
  ): KvList {
    const request = Json.object().set("prefix", prefix).set("limit", limit);
    if (after.length > 0) request.set("after", after);
    if (namespace_.length > 0) request.set("namespace", namespace_);
    return asked<KvList>("kv.list", request);
  }
}

export class Secret extends Answer {
  get value(): Uint8Array { return this.json.get("value").bytes(); }
  get text(): string { return text(this.value); }
}

export namespace secrets {
  export function get(name: string): Secret {
    return asked<Secret>("secrets.get", Json.object().set("name", name));
  }
}
