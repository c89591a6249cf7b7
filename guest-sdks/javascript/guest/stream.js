// Answers in parts: what an iterator yields, or what a handler of Lambda's kind for streaming writes.
import { bytesOf } from "./base64.js";

const PIECE_CHARACTERS = 65536; // given to the host at once
const CHUNK_BYTES = 4096; // made into a string at once: arguments are on the stack
const PRELUDE_END = "\0".repeat(8); // between a response's head and its body

/** What a handler that has sent its answer in parts has answered. */
export const SENT = Symbol("the answer is sent");

/** Whether *value* is an iterator, such as a generator. */
export function isIterator(value) {
  return typeof value?.next === "function" && (Symbol.asyncIterator in value || Symbol.iterator in value);
}

/** Sends what *iterator* yields, until no more is wanted. */
export async function sendAll(iterator, emit) {
  // A stream of nothing is one, too.
  emit("");
  const parts = { [Symbol.asyncIterator]: () => iterator };
  for await (const part of parts) if (!send(part, emit)) break;
  return SENT;
}

/** Gives *part*, text or bytes, to *emit*; false once no more is wanted. */
function send(part, emit) {
  const text = charactersOf(part);
  for (let start = 0; start < text.length; start += PIECE_CHARACTERS)
    if (!emit(text.slice(start, start + PIECE_CHARACTERS))) return false;
  return true;
}

/** A text with a character for each byte of *part*. */
function charactersOf(part) {
  if (typeof part === "string" && /^[\0-\x7f]*$/.test(part)) return part;
  const bytes = typeof part === "string" ? new TextEncoder().encode(part) : bytesOf(part);
  if (bytes === undefined) throw new TypeError(`a part of an answer is a string or bytes, not ${typeof part}`);
  let text = "";
  for (let start = 0; start < bytes.length; start += CHUNK_BYTES)
    text += String.fromCharCode(...bytes.subarray(start, start + CHUNK_BYTES));
  return text;
}

/** What a handler of Lambda's kind for streaming writes to. */
export class ResponseStream {
  #emit;
  #end;
  #contentType = undefined;
  #isBegun = false;
  destroyed = false;
  writableEnded = false;

  constructor(emit) {
    this.#emit = emit;
    this.finished = new Promise((resolve) => (this.#end = resolve));
  }

  setContentType(type) {
    this.#contentType = type;
  }

  /** Whether more is wanted. */
  write(part) {
    if (this.writableEnded) throw new Error("the response stream was ended; nothing can be written to it");
    this.#begin();
    if (!this.destroyed) this.destroyed = !send(part, this.#emit);
    return !this.destroyed;
  }

  end(part = undefined) {
    if (this.writableEnded) return;
    if (part === undefined) this.#begin();
    else this.write(part);
    this.writableEnded = true;
    this.#end(SENT);
  }

  /** The head of an HTTP response, ahead of its body. */
  head(metadata) {
    this.#isBegun = true;
    send(JSON.stringify(metadata) + PRELUDE_END, this.#emit);
  }

  #begin() {
    if (this.#isBegun) return;
    this.#isBegun = true;
    this.#emit("");
    if (this.#contentType !== undefined) this.head({ statusCode: 200, headers: { "content-type": this.#contentType } });
  }
}

/** Lambda's `awslambda`, with *emit* behind it. */
export function awslambdaOf(emit) {
  return {
    streamifyResponse: (handler) => async (event, context) => {
      const stream = new ResponseStream(emit);
      await handler(event, stream, context);
      return stream.finished;
    },

    HttpResponseStream: {
      from(stream, metadata) {
        stream.head(metadata);
        return stream;
      },
    },
  };
}
