// What the host does for functions, where their permissions say so; `fetch` is beside.
import { bytesIn, call, textIn } from "./calls.js";

const PAGE_KEYS = 1000; // of kv.list

/** What is under a key. `version` is 0 where there is nothing, and `text` and `bytes` null then. */
class Entry {
  #value;

  constructor({ value, version, expiresAtMs }) {
    this.#value = value;
    this.version = version;
    this.expiresAtMs = expiresAtMs;
  }

  get text() {
    return this.#value === null ? null : textIn(this.#value);
  }

  get bytes() {
    return this.#value === null ? null : bytesIn(this.#value);
  }
}

/** A durable table of keys and values. */
export const kv = {
  async entry(key, { namespace } = {}) {
    return new Entry(await call("kv.get", { key, namespace }));
  },

  async get(key, options) {
    return (await kv.entry(key, options)).text;
  },

  async getBytes(key, options) {
    return (await kv.entry(key, options)).bytes;
  },

  async set(key, value, { ttlMs, ifVersion, namespace } = {}) {
    return (await call("kv.set", { key, value, ttlMs, ifVersion, namespace })).version;
  },

  async delete(key, { ifVersion, namespace } = {}) {
    return (await call("kv.delete", { key, ifVersion, namespace })).deleted;
  },

  async *keys(prefix = "", { namespace } = {}) {
    for (let after = null; ; ) {
      const page = await call("kv.list", { prefix, limit: PAGE_KEYS, after, namespace });
      yield* page.keys;
      after = page.next;
      if (after === null) return;
    }
  },
};

/** What the operator keeps for functions. */
export const secrets = {
  async get(name) {
    return textIn((await call("secrets.get", { name })).value);
  },

  async getBytes(name) {
    return bytesIn((await call("secrets.get", { name })).value);
  },
};

/** The function that was invoked ended with an error; `payload` is what it says of it. */
export class FunctionError extends Error {
  name = "FunctionError";

  constructor(kind, payload) {
    super(payload?.errorMessage ?? kind);
    this.kind = kind;
    this.payload = payload;
  }
}

/** Calls another function and waits for its answer. Throws FunctionError where it failed. */
export async function invoke(name, event = null) {
  const answer = await call("invoke", { function: name, payload: payloadOf(event) });
  const payload = JSON.parse(textIn(answer.payload) || "null");
  if (answer.functionError) throw new FunctionError(answer.functionError, payload);
  return payload;
}

/** Has another function called later; answers the request's id, once the event is stored. */
export async function invokeEvent(name, event = null) {
  return (await call("invoke", { function: name, payload: payloadOf(event), type: "Event" })).requestId;
}

function payloadOf(event) {
  return JSON.stringify(event) ?? "null";
}
