import { Context, Json, start } from "wasmfaas";

// Any event -> how much time was left; says so in the log, too.
export function log(event: Json, context: Context): Json {
  const remaining = context.remainingMs;
  console.log(`invocation ${context.requestId} has ${remaining} ms left`);
  process.stdout.write("stdout is the log, too\n");
  return Json.object().set("remainingMs", remaining);
}

start(log);
