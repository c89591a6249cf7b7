// AbortController and AbortSignal. Nothing is aborted while the host is asked, as that blocks; what
// counts is whether a signal was aborted before, and how much time it leaves.

export class AbortSignal {
  #deadlineMs = Infinity;
  #listeners = new Set();
  #reason = undefined;
  #isAborted = false;
  onabort = null;

  static abort(reason) {
    const signal = new AbortSignal();
    signal.end(reason);
    return signal;
  }

  static timeout(milliseconds) {
    const signal = new AbortSignal();
    signal.#deadlineMs = Date.now() + Number(milliseconds);
    return signal;
  }

  get aborted() {
    return this.#isAborted || Date.now() >= this.#deadlineMs;
  }

  get reason() {
    if (!this.#isAborted && this.aborted) return named("TimeoutError", "the time that the signal gave is over");
    return this.#reason;
  }

  /** Milliseconds until it is aborted, at least 1; undefined where that is not known. */
  get remainingMs() {
    if (this.#deadlineMs === Infinity) return undefined;
    return Math.max(1, Math.ceil(this.#deadlineMs - Date.now()));
  }

  throwIfAborted() {
    if (this.aborted) throw this.reason;
  }

  addEventListener(type, listener) {
    if (type === "abort") this.#listeners.add(listener);
  }

  removeEventListener(type, listener) {
    if (type === "abort") this.#listeners.delete(listener);
  }

  /** What an AbortController does to its signal. */
  end(reason = named("AbortError", "it was aborted")) {
    if (this.aborted) return;
    this.#isAborted = true;
    this.#reason = reason;
    const event = { type: "abort", target: this };
    for (const listener of [this.onabort, ...this.#listeners])
      if (typeof listener === "function") listener.call(this, event);
      else listener?.handleEvent(event);
  }
}

export class AbortController {
  signal = new AbortSignal();

  abort(reason) {
    this.signal.end(reason);
  }
}

function named(name, message) {
  return Object.assign(new Error(message), { name });
}
