// The reactor, section 5 of the ABI.
import { Context } from "./context";
import { Json } from "./json";
import { unpack } from "./msgpack";
import { randomWord } from "./wasi";
import { Writer } from "./writer";

export type Handler = (event: Json, context: Context) => Json;

let chosen: Handler | null = null;
// What the host may still write to or read from.
let incoming: ArrayBuffer | null = null;
let outgoing: Writer | null = null;

/** Makes a handler the function; to be called at the top level of a module, the last one counts. */
export function start(handler: Handler): void {
  chosen = handler;
  // The first allocation sets up the memory: better once, before the sandbox's image is taken.
  incoming = new ArrayBuffer(0);
}

export function allocate(size: i32): usize {
  outgoing = null;
  incoming = new ArrayBuffer(size);
  return changetype<usize>(incoming!);
}

export function handle(): u64 {
  // Of what was drawn at the top level, every invocation would draw the same.
  Math.seedRandom(randomWord());
  const request = unpack(incoming!);
  incoming = null;
  if (request === null) throw new Error("not a request envelope");
  const writer = answered(request);
  outgoing = writer;
  // Garbage is collected here where it is not along the way.
  if (ASC_RUNTIME == 1) __collect();
  return <u64>changetype<usize>(writer.buffer) << 32 | writer.size;
}

function answered(request: Json): Writer {
  const handler = chosen;
  if (handler === null) return failure("Unhandled", "no handler: call start(handler)");
  const event = Json.read(request.get("event").bytes());
  if (event === null) return failure("BadEvent", "the event is not JSON");
  const context = new Context(request.get("context").bytes());
  const answer = handler(event, context);
  if (context.errorType_.length > 0) return failure(context.errorType_, context.errorMessage_);
  return success(answer);
}

function success(answer: Json): Writer {
  const writer = new Writer();
  writer.ascii("\x81\xA2ok\xC6");
  const at = writer.size;
  writer.word(0);
  answer.write(writer);
  writer.patch(at, writer.size - at - 4);
  return writer;
}

function failure(type: string, message: string): Writer {
  const writer = new Writer();
  writer.ascii("\x81\xA5error\x82\xA9errorType");
  writer.text(type);
  writer.ascii("\xACerrorMessage");
  writer.text(message);
  return writer;
}
