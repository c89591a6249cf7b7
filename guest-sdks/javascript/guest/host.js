// All that the SDK asks of the host: WASI and our own call, as wit/world.wit imports them. Everything
// else is given this object, so that it runs in Node.js with another one.
import environment from "wasi:cli/environment@0.2.12";
import exit from "wasi:cli/exit@0.2.12";
import stderr from "wasi:cli/stderr@0.2.12";
import clock from "wasi:clocks/monotonic-clock@0.2.12";
import random from "wasi:random/random@0.2.12";

import { HostError } from "./calls.js";

const WRITE_BYTES_MAX = 4096; // of wasi:io's blocking-write-and-flush

// Functions that a world imports are globals.
const { call, emit } = globalThis;
delete globalThis.call;
delete globalThis.emit;

export const host = {
  /** @param {string} operation @param {string} request @returns {string} Throws HostError. */
  call(operation, request) {
    try {
      return call(operation.toWellFormed(), request);
    } catch (error) {
      const { errorType, errorMessage } = JSON.parse(error.payload);
      throw new HostError(errorType, errorMessage);
    }
  },

  /** Sends a part of the answer. @param {string} data a character for each byte @returns {boolean} */
  emit: (data) => emit(data),

  /** @returns {Array<[string, string]>} */
  environment: () => environment.getEnvironment(),

  /** Ends the sandbox, and the invocation with an error. */
  exit: (code) => exit.exit(code === 0 ? { tag: "ok" } : { tag: "err" }),

  /** @param {Uint8Array} bytes */
  log(bytes) {
    const stream = stderr.getStderr();
    for (let start = 0; start < bytes.length; start += WRITE_BYTES_MAX)
      stream.blockingWriteAndFlush(bytes.subarray(start, start + WRITE_BYTES_MAX));
    stream[Symbol.dispose]?.();
  },

  /** @param {number} count @returns {Uint8Array} */
  random: (count) => random.getRandomBytes(count),

  /** @param {number} milliseconds */
  sleep(milliseconds) {
    const pollable = clock.subscribeDuration(Math.ceil(milliseconds * 1e6));
    pollable.block();
    pollable[Symbol.dispose]?.();
  },
};
