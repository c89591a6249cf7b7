// The probe of the conformance run, in TypeScript; test_conformance.py says what it does.
import { HttpRequest, binary, kv } from "wasmfaas";
import type { Context, Handler, HttpAnswer, HttpEvent } from "wasmfaas";

interface Asked {
  readonly do: keyof typeof ACTIONS;
  readonly key: string;
  readonly message: string;
  readonly name: string;
  readonly text: string;
  readonly type: string;
  readonly value: unknown;
}

let count = 0;

class Failure extends Error {
  constructor(type: string, message: string) {
    super(message);
    this.name = type;
  }
}

type Action = (event: Asked, context: Context) => unknown;

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
    await Promise.resolve();
    throw new Failure(type, message);
  },
  panic({ message }) {
    console.error(message);
    (undefined as unknown as Action)({} as Asked, {} as Context);
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
    for (const held: Uint8Array[] = []; ; ) held.push(new Uint8Array(1 << 20).fill(1));
  },
} satisfies Record<string, Action>;

function respond(event: HttpEvent): HttpAnswer {
  const request = new HttpRequest(event);
  return binary(request.bytes().reverse(), { status: 201, headers: { "x-method": request.method } });
}

export const handler: Handler<Asked | HttpEvent, unknown> = async (event, context) => {
  count++;
  if ("requestContext" in event) return respond(event);
  const action: Action = ACTIONS[event.do];
  return action(event, context);
};
