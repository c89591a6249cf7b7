import type { Context } from "wasmfaas";

class BadEvent extends Error {
  override name = "BadEvent";
}

/** {"name": "Ada"} -> {"greeting": "Hello, Ada!"} */
export async function handler(event: { name?: unknown } | null, context: Context) {
  if (typeof event?.name !== "string") throw new BadEvent('the event needs a string "name"');
  return { greeting: `Hello, ${event.name}!` };
}
