// What functions ask the host for: the one call, section 12 of the guest ABI, and its errors.
import { bytesOf, fromBase64, toBase64 } from "./base64.js";

/** The host did not do what it was asked for; `type` says why, such as `AccessDenied`. */
export class HostError extends Error {
  constructor(type, message) {
    super(message);
    this.name = this.type = type;
  }
}

let ask = (operation) => {
  throw new HostError(
    "Unavailable",
    `there is no host to ask for ${operation} outside of a sandbox; tests have answerCalls of wasmfaas/testing`,
  );
};

/**
 * Has *respond* answer every call from now on: given the operation and the request, JSON text, it
 * returns the answer, JSON text, or throws a HostError. Returns who answered until now.
 */
export function answerWith(respond) {
  const before = ask;
  ask = respond;
  return before;
}

/** Asks for *operation*; bytes may be anywhere in the request. Throws HostError. */
export async function call(operation, request = {}) {
  return JSON.parse(ask(String(operation), JSON.stringify(request, encoded)));
}

/** Bytes as the ABI has them in JSON. */
function encoded(key, value) {
  // What a replacer is given went through toJSON already.
  const bytes = bytesOf(this[key]);
  return bytes === undefined ? value : { base64: toBase64(bytes) };
}

/** The bytes that stand in an answer. */
export function bytesIn(value) {
  return typeof value === "string" ? new TextEncoder().encode(value) : fromBase64(value.base64);
}

/** The same as text; what is not UTF-8 becomes U+FFFD. */
export function textIn(value) {
  // Bytes that are UTF-8 come as text.
  return typeof value === "string" ? value : new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytesIn(value));
}
