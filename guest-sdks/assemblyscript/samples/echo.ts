import { Context, Json, start } from "wasmfaas";

// Any event -> {"event": the event, "context": the context}
export function echo(event: Json, context: Context): Json {
  return Json.object().set("event", event).set("context", context.json);
}

start(echo);
