// Requests and responses of function URLs (payload format 2.0).
import { fromBase64, toBase64 } from "./base64.js";

/** The request that a function URL's event holds. */
export class HttpRequest {
  #event;

  constructor(event) {
    if (event?.requestContext?.http === undefined)
      throw new TypeError("the event is not an HTTP request: it has no requestContext.http");
    this.#event = event;
    this.method = event.requestContext.http.method;
    this.path = event.rawPath ?? event.requestContext.http.path ?? "/";
    this.headers = event.headers ?? {};
    this.cookies = event.cookies ?? [];
    this.query = parsedQuery(event.rawQueryString ?? "");
  }

  /** The value of a header, whatever the case of *name*; undefined where there is none. */
  header(name) {
    return this.headers[name.toLowerCase()];
  }

  /** The body as a Uint8Array. */
  bytes() {
    const body = this.#event.body ?? "";
    if (!this.#event.isBase64Encoded) return new TextEncoder().encode(body);
    return fromBase64(body);
  }

  /** The body as text. */
  text() {
    return this.#event.isBase64Encoded ? new TextDecoder().decode(this.bytes()) : (this.#event.body ?? "");
  }

  /** The body, parsed as JSON. Throws SyntaxError. */
  json() {
    return JSON.parse(this.text());
  }
}

/** Name to value; of a name that comes twice, the last value. */
function parsedQuery(raw) {
  const decode = (part) => {
    const spaced = part.replaceAll("+", " ");
    try {
      return decodeURIComponent(spaced);
    } catch {
      return spaced;
    }
  };
  const pairs = raw.split("&").filter(Boolean).map((pair) => {
    const at = pair.indexOf("=");
    return at < 0 ? [decode(pair), ""] : [decode(pair.slice(0, at)), decode(pair.slice(at + 1))];
  });
  return Object.fromEntries(pairs);
}

/** An answer of JSON. */
export function json(value, options) {
  return response(JSON.stringify(value), "application/json", options);
}

/** An answer of plain text. */
export function text(body, options) {
  return response(body, "text/plain; charset=utf-8", options);
}

/** An answer of a Uint8Array's bytes. */
export function binary(body, options) {
  const encoded = response(toBase64(body), "application/octet-stream", options);
  return { ...encoded, isBase64Encoded: true };
}

/** An answer of HTML. */
export function html(markup, options) {
  return response(markup, "text/html; charset=utf-8", options);
}

/** Sends the client elsewhere. */
export function redirect(location, { status = 302, headers = {} } = {}) {
  return response("", "text/plain; charset=utf-8", { status, headers: { ...headers, location } });
}

function response(body, contentType, { status = 200, headers = {}, cookies } = {}) {
  const answer = { statusCode: status, headers: { "content-type": contentType, ...headers }, body };
  return cookies === undefined ? answer : { ...answer, cookies };
}
