// The probe of the conformance run, in AssemblyScript; test_conformance.py says what it does.
import { Context, HttpRequest, HttpResponse, Json, kv, start } from "wasmfaas";

let count = 0;

export function probe(event: Json, context: Context): Json {
  count++;
  if (HttpRequest.is(event)) return respond(new HttpRequest(event));
  const what = event.get("do").string();
  if (what == "environment") {
    const name = event.get("name").string();
    return process.env.has(name) ? Json.of(process.env.get(name)) : Json.null();
  }
  if (what == "time") return Json.of(Date.now());
  if (what == "random") return draw();
  if (what == "count") return Json.of(count);
  if (what == "context") return known(context);
  if (what == "text") return Json.of(event.get("text").string());
  if (what == "value") return event.get("value");
  if (what == "get") {
    const found = kv.get(event.get("key").string());
    if (found.failed) return context.pass(found);
    return found.found ? Json.of(found.text) : Json.null();
  }
  if (what == "fail") return context.fail(event.get("type").string(), event.get("message").string());
  if (what == "panic") throw new Error(event.get("message").string());
  if (what == "exit") process.exit(0);
  if (what == "log") return logged();
  if (what == "allocate") allocate();
  return context.fail("BadEvent", "nothing to do");
}

function draw(): Json {
  const bytes = new Uint8Array(8);
  crypto.getRandomValues(bytes);
  return Json.object().set("secure", bytes).set("pseudo", Math.random());
}

function known(context: Context): Json {
  return Json.object()
    .set("requestId", context.requestId)
    .set("functionName", context.functionName)
    .set("functionVersion", context.functionVersion)
    .set("invokedFunctionArn", context.invokedFunctionArn)
    .set("memoryLimitInMB", context.memoryLimitInMB)
    .set("logGroupName", context.logGroupName)
    .set("logStreamName", context.logStreamName)
    .set("traceId", context.traceId)
    .set("remainingMs", context.remainingMs);
}

function logged(): Json {
  process.stdout.write("one\n");
  process.stderr.write("two\n");
  console.debug("three");
  console.info("four");
  console.warn("five");
  console.error("six");
  return Json.null();
}

function allocate(): void {
  const held: Uint8Array[] = [];
  while (true) held.push(new Uint8Array(1 << 20).fill(1));
}

function respond(request: HttpRequest): Json {
  const body = request.body.slice().reverse();
  return new HttpResponse(201).bytes(body).header("x-method", request.method).answer;
}

start(probe);
