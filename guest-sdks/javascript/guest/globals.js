// What JavaScript finds beside the language itself; imported before anything else is.
import { AbortController, AbortSignal } from "./abort.js";
import { HostError, answerWith } from "./calls.js";
import { Console } from "./console.js";
import { Headers, Response, fetch } from "./fetch.js";
import { host } from "./host.js";
import { Queue, installQueue } from "./queue.js";
import { Generator, cryptoOf } from "./random.js";
import { awslambdaOf } from "./stream.js";
import { TextDecoder, TextEncoder } from "./text.js";

const engineThen = globalThis.Promise.prototype.then;
const enginePromise = globalThis.Promise.resolve();
const generator = new Generator(host);
const encoder = new TextEncoder();
const console = new Console(host, encoder);
const variables = {};
// Names of variables that were asked for while the component was built, when there is none.
const early = new Set();

/** The sandbox's event loop. */
export const queue = new Queue(host);
// A module that awaits at its top level does so while the component is built, when the engine runs
// its own jobs.
installQueue(globalThis, queue, () => engineThen.call(enginePromise, () => queue.run(() => false)));

answerWith((operation, request) => {
  if (queue.isServing) return host.call(operation, request);
  throw new HostError(
    "InvalidRequest",
    `${operation} is there while an event is handled, and not at a module's top level, which runs while it is built`,
  );
});
Object.assign(globalThis, { console, crypto: cryptoOf(host), TextDecoder, TextEncoder });
// The SDK's own frames, which an error does not show, are a dozen where the host was asked.
Error.stackTraceLimit = 50;
globalThis.awslambda = awslambdaOf(host.emit);
Object.assign(globalThis, { AbortController, AbortSignal, Headers, Response, fetch });
Math.random = () => generator.next();
globalThis.process = {
  env: new Proxy(variables, {
    get(target, name) {
      if (!queue.isServing) early.add(name);
      return target[name];
    },
  }),
  nextTick: (job, ...args) => queueMicrotask(() => job(...args)),
  exit(code = 0) {
    if (queue.isServing) host.exit(code);
    throw new Error(`process.exit(${code}) at the top level of a module`);
  },
  stdout: { write: (text) => host.log(encoder.encode(text)) },
  stderr: { write: (text) => host.log(encoder.encode(text)) },
  platform: "wasi",
  version: "",
  versions: {},
};

export const { emit } = host;

/** Makes anew what belongs to one invocation. */
export function begin({ requestId }) {
  queue.isServing = true;
  generator.reset();
  for (const name of Object.keys(variables)) delete variables[name];
  Object.assign(variables, Object.fromEntries(host.environment()));
  console.begin(requestId, variables.AWS_LAMBDA_LOG_LEVEL);
  for (const name of early)
    if (Object.hasOwn(variables, name))
      console.warn(`process.env.${String(name)} was read when the component was built: read it in the handler`);
}
