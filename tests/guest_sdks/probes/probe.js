// The probe of the conformance run, in JavaScript; test_conformance.py says what it does.
import { HttpRequest, binary, kv } from "wasmfaas";

let count = 0;

class Failure extends Error {
  constructor(type, message) {
    super(message);
    this.name = type;
  }
}

const ACTIONS = {
  environment: ({ name }) => process.env[name] ?? null,
  time: () => Date.now(),
  random: () => ({ secure: crypto.randomUUID(), pseudo: Math.random() }),
  count: () => count,
  context: (event, context) => ({
    remainingMs: context.getRemainingTimeInMillis(),
    requestId: context.awsRequestId,
    functionName: context.functionName,
    functionVersion: context.functionVersion,
    invokedFunctionArn: context.invokedFunctionArn,
    memoryLimitInMB: context.memoryLimitInMB,
    logGroupName: context.logGroupName,
    logStreamName: context.logStreamName,
    traceId: context.traceId,
  }),
  get: ({ key }) => kv.get(key),
  text: ({ text }) => text,
  value: ({ value }) => value,
  async fail({ type, message }) {
    await null;
    throw new Failure(type, message);
  },
  panic({ message }) {
    const nothing = undefined;
    console.error(message);
    return nothing.length;
  },
  exit: () => process.exit(0),
  log() {
    process.stdout.write("one\n");
    process.stderr.write("two\n");
    console.debug("three");
    console.info("four");
    console.warn("five");
    console.error("six");
  },
  allocate() {
    for (const held = []; ; ) held.push(new Uint8Array(1 << 20).fill(1));
  },
};

function respond(event) {
  const request = new HttpRequest(event);
  return binary(request.bytes().reverse(), { status: 201, headers: { "x-method": request.method } });
}

export async function handler(event, context) {
  count++;
  if (event.requestContext !== undefined) return respond(event);
  return ACTIONS[event.do](event, context);
}
