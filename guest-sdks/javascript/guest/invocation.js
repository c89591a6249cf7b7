// From the host's call to the handler and back.
import { inspect, jsonOr } from "./inspect.js";
import { SENT, isIterator, sendAll } from "./stream.js";
import { traced } from "./traces.js";

/** What a handler is told about its invocation: Lambda's context object for Node.js. */
export class Context {
  #members;
  #now;

  /** @param members the object of the guest ABI's section 3 */
  constructor(members, now = Date.now) {
    this.functionName = members.functionName;
    this.functionVersion = members.functionVersion;
    this.invokedFunctionArn = members.invokedFunctionArn;
    this.memoryLimitInMB = members.memoryLimitInMB;
    this.awsRequestId = members.requestId;
    this.logGroupName = members.logGroupName;
    this.logStreamName = members.logStreamName;
    this.clientContext = members.clientContext ?? undefined;
    this.identity = members.identity ?? undefined;
    this.traceId = members.traceId ?? undefined;
    this.callbackWaitsForEmptyEventLoop = true;
    this.#members = members;
    this.#now = now;
  }

  /** The host's own object, with members that are not known here. */
  get raw() {
    return this.#members;
  }

  /** Milliseconds until the invocation is ended; never less than 0. */
  getRemainingTimeInMillis() {
    return Math.max(0, Number(this.#members.deadlineMs) - this.#now()) || 0;
  }
}

/** An error payload: what the caller sees of what a handler threw. */
export function payloadOf(thrown) {
  try {
    return described(thrown);
  } catch {
    // A proxy, or a getter, that throws itself.
    return { errorType: typeof thrown, errorMessage: "what was thrown cannot be shown", stackTrace: [] };
  }
}

function described(thrown) {
  const isObject = typeof thrown === "object" && thrown !== null;
  if (thrown instanceof Error || (isObject && "message" in thrown)) {
    return {
      errorType: String(thrown.name ?? "Error"),
      errorMessage: String(thrown.message),
      stackTrace: traced(thrown.stack),
    };
  }
  const errorMessage = isObject ? jsonOr(thrown, inspect) : String(thrown);
  return { errorType: thrown === null ? "null" : typeof thrown, errorMessage, stackTrace: [] };
}

/** The answer that *value* is, as JSON text. */
function answerOf(value) {
  try {
    return JSON.stringify(value ?? null) ?? "null";
  } catch (error) {
    if (error instanceof TypeError) error.message = `the handler's answer is not JSON: ${error.message}`;
    throw error;
  }
}

/**
 * The `handle` that the host calls, for a *handler* of Lambda's kind: (event, context), which may
 * be async, or (event, context, callback).
 */
export function serve(handler, { queue, begin = () => {}, emit = () => true }) {
  return function handle(event, context) {
    queue.clear();
    let outcome = null;
    const fail = (error) => (outcome ??= { error });
    const settle = (value) => {
      if (isIterator(value)) sendAll(value, emit).then(settle, fail);
      else outcome ??= { value };
    };
    try {
      const members = JSON.parse(context);
      begin(members);
      const callback = (error, value) => (error ? fail(error) : settle(value));
      const answer = handler(JSON.parse(event), new Context(members), callback);
      if (typeof answer?.then === "function")
        answer.then(settle, fail);
      else if (handler.length < 3 || answer !== undefined) settle(answer);
      if (!queue.run(() => outcome !== null))
        throw new NeverSettled();
      if (outcome.value === SENT) return "";
      if ("value" in outcome) return answerOf(outcome.value);
    } catch (error) {
      outcome = { error };
    } finally {
      queue.clear();
    }
    // No text: this ends the sandbox, and the host sees that memory had run out.
    if (isOutOfMemory(outcome.error)) throw { payload: null };
    // Thrown, a text is the `err` of the result that the host gets.
    throw JSON.stringify(payloadOf(outcome.error));
  };
}

function isOutOfMemory(error) {
  try {
    return error?.name === "InternalError" && error.message === "out of memory";
  } catch {
    return false;
  }
}

class NeverSettled extends Error {
  name = "PromiseNeverSettled";
  // Where it was noticed is no place of the function's.
  stack = "";

  constructor() {
    super("the handler's promise was never settled, and nothing is left that could");
  }
}
