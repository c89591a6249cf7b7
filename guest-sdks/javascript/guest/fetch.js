// fetch of the Fetch Standard, over the host's: a body is there whole or not at all.
import { bytesOf, toBase64 } from "./base64.js";
import { bytesIn, call, textIn } from "./calls.js";

const NORMALISED = /^(delete|get|head|options|post|put)$/i; // methods, by the Fetch Standard
const TEXT = "text/plain;charset=UTF-8";

/** Names and values; names in lower case, in order. */
export class Headers {
  #pairs = [];

  constructor(init = undefined) {
    if (init === undefined || init === null) return;
    const pairs = typeof init[Symbol.iterator] === "function" ? init : Object.entries(init);
    for (const [name, value] of pairs) this.append(name, value);
  }

  append(name, value) {
    this.#pairs.push([lower(name), `${value}`.trim()]);
  }

  delete(name) {
    this.#pairs = this.#pairs.filter(([own]) => own !== lower(name));
  }

  get(name) {
    const values = this.#values(name);
    return values.length > 0 ? values.join(", ") : null;
  }

  getSetCookie() {
    return this.#values("set-cookie");
  }

  has(name) {
    return this.#values(name).length > 0;
  }

  set(name, value) {
    this.delete(name);
    this.append(name, value);
  }

  forEach(visit, self = undefined) {
    for (const [name, value] of this) visit.call(self, value, name, this);
  }

  *entries() {
    for (const name of [...new Set(this.#pairs.map(([own]) => own))].sort())
      if (name !== "set-cookie") yield [name, this.get(name)];
      else yield* this.getSetCookie().map((value) => [name, value]);
  }

  *keys() {
    for (const [name] of this) yield name;
  }

  *values() {
    for (const [, value] of this) yield value;
  }

  [Symbol.iterator]() {
    return this.entries();
  }

  #values(name) {
    return this.#pairs.filter(([own]) => own === lower(name)).map(([, value]) => value);
  }
}

function lower(name) {
  return `${name}`.toLowerCase();
}

let answered;

/** What was fetched. */
export class Response {
  #body;

  static {
    /** *body* as answers of the host have it; *url*: where it came from, after redirects. */
    answered = (body, init, url) => {
      const response = new Response(null, init);
      response.#body = body;
      response.url = url;
      return response;
    };
  }

  constructor(body = null, { status = 200, statusText = "", headers } = {}) {
    this.status = status;
    this.statusText = statusText;
    this.ok = status >= 200 && status < 300;
    this.headers = new Headers(headers);
    this.url = "";
    this.bodyUsed = false;
    this.#body = body === null ? "" : contentOf(body);
    if (typeof body === "string" && !this.headers.has("content-type")) this.headers.set("content-type", TEXT);
  }

  static json(value, { headers, ...init } = {}) {
    const response = new Response(JSON.stringify(value), { ...init, headers });
    if (!new Headers(headers).has("content-type")) response.headers.set("content-type", "application/json");
    return response;
  }

  async text() {
    return textIn(this.#taken()).replace(/^\ufeff/, "");
  }

  async json() {
    return JSON.parse(await this.text());
  }

  async bytes() {
    return bytesIn(this.#taken());
  }

  async arrayBuffer() {
    return (await this.bytes()).buffer;
  }

  clone() {
    if (this.bodyUsed) throw new TypeError("the body was read already, so that there is nothing to clone");
    return answered(this.#body, this, this.url);
  }

  #taken() {
    if (this.bodyUsed) throw new TypeError("the body was read already; clone() the response before that");
    this.bodyUsed = true;
    return this.#body;
  }
}

/** A body as answers of the host have it, and as requests to it may: text, or its base64. */
function contentOf(body) {
  if (typeof body === "string") return body;
  const bytes = bytesOf(body);
  if (bytes === undefined)
    throw new TypeError(`a body is a string or bytes, not ${typeof body}; for JSON, JSON.stringify(it)`);
  return { base64: toBase64(bytes) };
}

/** *resource* with what URLs cannot have as its percent-encoding. */
function encodedUrl(resource) {
  return `${resource}`.trim().replace(/[^!-~]+/g, (part) => encodeURIComponent(part.toWellFormed()));
}

/** Asks *resource*, a URL. Rejects with HostError where there is no answer, or it is not permitted. */
export async function fetch(resource, init = undefined) {
  const { method = "GET", headers, body = null, redirect, signal } = init ?? {};
  signal?.throwIfAborted();
  const sent = new Headers(headers);
  if (body !== null && /^(get|head)$/i.test(method)) throw new TypeError(`a ${method} request has no body`);
  if (typeof body === "string" && !sent.has("content-type")) sent.set("content-type", TEXT);
  const answer = await call("fetch", {
    url: encodedUrl(resource),
    method: NORMALISED.test(method) ? method.toUpperCase() : `${method}`,
    headers: [...sent],
    body: body === null ? null : contentOf(body),
    redirect,
    timeoutMs: signal?.remainingMs,
  });
  return answered(answer.body, { status: answer.status, headers: answer.headers }, answer.url);
}
