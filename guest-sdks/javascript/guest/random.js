// Math.random and crypto. A sandbox begins every invocation from the same memory, so what is random
// is drawn from the host when it is asked for, and Math.random seeded anew in every invocation.
const QUOTA_BYTES = 65536; // of getRandomValues, in the Web Cryptography API

/** xoshiro128**, by Blackman and Vigna: https://prng.di.unimi.it/ */
export class Generator {
  #state = null;
  #random;

  constructor(host) {
    this.#random = host.random;
  }

  /** Forgets the seed; the next number draws a new one. */
  reset() {
    this.#state = null;
  }

  /** A number in [0, 1) with 53 random bits. */
  next() {
    this.#state ??= new Uint32Array(this.#random(16).slice().buffer);
    return ((this.#word() >>> 5) * 67108864 + (this.#word() >>> 6)) / 9007199254740992;
  }

  #word() {
    const state = this.#state;
    const result = Math.imul(rotated(Math.imul(state[1], 5), 7), 9);
    const shifted = state[1] << 9;
    state[2] ^= state[0];
    state[3] ^= state[1];
    state[1] ^= state[2];
    state[0] ^= state[3];
    state[2] ^= shifted;
    state[3] = rotated(state[3], 11);
    return result;
  }
}

function rotated(word, by) {
  return (word << by) | (word >>> (32 - by));
}

/** `crypto`, without `subtle`. */
export function cryptoOf(host) {
  return {
    getRandomValues(target) {
      if (!ArrayBuffer.isView(target) || /^(Float|DataView)/.test(target.constructor.name))
        throw new TypeError("getRandomValues needs an array of integers");
      if (target.byteLength > QUOTA_BYTES)
        throw new RangeError(
          `getRandomValues was asked for ${target.byteLength} bytes, but gives at most ${QUOTA_BYTES}`,
        );
      const bytes = host.random(target.byteLength);
      new Uint8Array(target.buffer, target.byteOffset, target.byteLength).set(bytes);
      return target;
    },

    randomUUID() {
      const bytes = host.random(16).slice();
      bytes[6] = (bytes[6] & 0x0f) | 0x40;
      bytes[8] = (bytes[8] & 0x3f) | 0x80;
      const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
      return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
    },
  };
}
