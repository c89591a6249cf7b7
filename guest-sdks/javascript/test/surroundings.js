// What tests have in place of a sandbox.
import { Queue, installQueue } from "../guest/queue.js";

/** A host whose clock stands still but for sleeping, and whose random bytes count up. */
export function fakeHost() {
  let counter = 0;
  const host = {
    nowMs: 1000,
    slept: [],
    logged: "",
    sleep(milliseconds) {
      host.slept.push(milliseconds);
      host.nowMs += milliseconds;
    },
    random: (count) => Uint8Array.from({ length: count }, () => ++counter % 256),
    log: (bytes) => (host.logged += new TextDecoder().decode(bytes)),
  };
  return host;
}

/** A queue of its own; `isolated.globals` are what promises and timers are run by it, the last. */
export function isolated() {
  const host = fakeHost();
  const queue = new Queue(host, () => host.nowMs);
  installQueue(isolated.globals, queue);
  return { host, queue };
}

isolated.globals = { console };
isolated();
