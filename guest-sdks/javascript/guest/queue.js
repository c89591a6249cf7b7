// The event loop. QuickJS runs promise jobs only where the host drives it, which it does not do for
// a function that answers at once; so promises are a library's, and its jobs are kept here.
import "./early.js";
import Promise from "promise-polyfill";

const SLEEP_MS_MAX = 100; // so that an invocation past its deadline is noticed soon

/** Microtasks and timers of one sandbox. */
export class Queue {
  #jobs = [];
  #timers = new Map();
  #nextId = 1;
  #now;
  #sleep;
  isServing = false;

  /** @param {{sleep(milliseconds: number): void}} host */
  constructor(host, now = Date.now) {
    this.#sleep = host.sleep;
    this.#now = now;
  }

  push(job) {
    this.#jobs.push(job);
  }

  /** Runs *callback* once or, where there is an *interval*, again and again; the timer's number. */
  schedule(callback, delayMs, args, repeats) {
    if (typeof callback !== "function")
      throw new TypeError(`a timer needs a function, not ${typeof callback}`);
    const delay = Math.min(Math.max(Math.trunc(Number(delayMs)) || 0, repeats ? 1 : 0), 2 ** 31 - 1);
    const id = this.#nextId++;
    this.#timers.set(id, { id, callback, args, due: this.#now() + delay, repeats, delay });
    return id;
  }

  cancel(id) {
    this.#timers.delete(id);
  }

  clear() {
    this.#jobs.length = 0;
    this.#timers.clear();
  }

  /** Runs jobs, and timers as they are due, until *isDone* says so; false where nothing is left. */
  run(isDone) {
    for (;;) {
      for (let index = 0; index < this.#jobs.length; index++) (0, this.#jobs[index])();
      this.#jobs.length = 0;
      if (isDone()) return true;
      if (!this.#fire()) return false;
    }
  }

  #fire() {
    let next = null;
    for (const timer of this.#timers.values())
      if (next === null || timer.due < next.due) next = timer;
    if (next === null) return false;
    for (let wait; (wait = next.due - this.#now()) > 0; ) this.#sleep(Math.min(wait, SLEEP_MS_MAX));
    if (next.repeats) next.due = this.#now() + next.delay;
    else this.#timers.delete(next.id);
    next.callback(...next.args);
    return true;
  }
}

/**
 * Gives *globals* promises and timers that *queue* runs. Until the first invocation *wake* is
 * called for every job, as nobody else runs the queue then.
 */
export function installQueue(globals, queue, wake = () => {}) {
  Promise._immediateFn = (job) => {
    queue.push(job);
    if (!queue.isServing) wake();
  };
  Promise._unhandledRejectionFn = (reason) => globals.console.error("Unhandled rejection:", reason);
  Promise.withResolvers ??= () => {
    const deferred = {};
    deferred.promise = new Promise((resolve, reject) => Object.assign(deferred, { resolve, reject }));
    return deferred;
  };
  Promise.try ??= (action, ...args) => new Promise((resolve) => resolve(action(...args)));
  Object.defineProperty(Promise.prototype, Symbol.toStringTag, { value: "Promise" });
  globals.Promise = Promise;
  globals.queueMicrotask = (job) => {
    Promise.resolve().then(job);
  };
  globals.setTimeout = (job, ms, ...args) => queue.schedule(job, ms, args, false);
  globals.setInterval = (job, ms, ...args) => queue.schedule(job, ms, args, true);
  globals.setImmediate = (job, ...args) => queue.schedule(job, 0, args, false);
  globals.clearTimeout = globals.clearInterval = globals.clearImmediate = (id) => queue.cancel(id);
  // It answers with the engine's own promise, which nothing would ever run.
  delete globals.Array?.fromAsync;
}
