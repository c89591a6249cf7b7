import { Context, Json, start } from "wasmfaas";

// {"value": 9} -> 3, but {"value": -4} -> an error of type Negative.
export function error(event: Json, context: Context): Json {
  const value = event.get("value");
  if (!value.isNumber) return context.fail("BadEvent", 'the event needs a number "value"');
  if (value.number() < 0) return context.fail("Negative", `${value.toString()} has no square root here`);
  return Json.of(Math.sqrt(value.number()));
}

start(error);
