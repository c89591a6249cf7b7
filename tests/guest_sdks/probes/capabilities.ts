// What the host does for functions, through every wrapper; test_capabilities.py asks for it.
import { FunctionError, HostError, invoke, invokeEvent, kv, secrets } from "wasmfaas";
import type { Context, Handler, Key } from "wasmfaas";

interface Asked {
  readonly do: keyof typeof ACTIONS;
  readonly event: unknown;
  readonly name: string;
  readonly url: string;
  readonly init: RequestInit;
  readonly isBinary: boolean;
  readonly timeoutMs: number;
}

const ACTIONS = {
  async fetch({ url, init, isBinary, timeoutMs }) {
    const signal = timeoutMs === undefined ? null : AbortSignal.timeout(timeoutMs);
    const body = isBinary ? Uint8Array.from({ length: 256 }, (_, index) => index) : init?.body;
    const response = await fetch(url, { ...init, body, signal });
    const { status, ok } = response;
    const told = { status, ok, url: response.url, headers: [...response.headers] };
    if (isBinary) return { ...told, bytes: [...new Uint8Array(await response.arrayBuffer())] };
    const copy = response.clone();
    return { ...told, json: await response.json(), length: (await copy.text()).length };
  },

  async visit() {
    for (;;) {
      const { text, version } = await kv.entry("visits");
      const visits = Number(text ?? 0) + 1;
      try {
        await kv.set("visits", String(visits), { ifVersion: version });
      } catch (error) {
        if (error instanceof HostError && error.type === "VersionConflict") continue;
        throw error;
      }
      return visits;
    }
  },

  async keys() {
    const bytes = Uint8Array.of(0, 128, 255);
    await kv.set("binary", bytes.buffer, { ttlMs: 60_000 });
    await kv.set("text", "é");
    const found: Key[] = [];
    for await (const key of kv.keys()) found.push(key);
    const { expiresAtMs, bytes: read } = await kv.entry("binary");
    const isKept = [...(read ?? [])].join() === bytes.join() && expiresAtMs !== null;
    const deleted = [await kv.delete("binary"), await kv.delete("binary")];
    return { keys: found.map(({ key }) => key), isKept, deleted, left: await kv.getBytes("binary"), text: await kv.get("text") };
  },

  async *parts() {
    yield "aü";
    await new Promise((resolve) => setTimeout(resolve, 5));
    yield Uint8Array.of(255, 0);
    yield "b".repeat(100_000);
  },

  *breaks() {
    yield "begun";
    throw new RangeError("halfway");
  },

  written: awslambda.streamifyResponse(async (event: Asked, stream: ResponseStream, context: Context) => {
    const response = awslambda.HttpResponseStream.from(stream, { statusCode: 201, headers: { "x-a": "b" } });
    response.write(Uint8Array.of(255));
    await null;
    response.end(event.do + context.functionName.length);
  }),

  secret: ({ name }) => secrets.get(name),

  async invoke({ name, event }) {
    try {
      return { answer: await invoke(name, event) };
    } catch (error) {
      if (!(error instanceof FunctionError)) throw error;
      return { kind: error.kind, message: error.message };
    }
  },

  invokeEvent: ({ name, event }) => invokeEvent(name, event),
} satisfies Record<string, (event: Asked, context: Context) => unknown>;

export const handler: Handler<Asked, unknown> = (event, context) => ACTIONS[event.do](event, context);
