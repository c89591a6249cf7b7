import type { Context } from "wasmfaas";

interface Event {
  name?: string;
}

// Called with an event, answers with anything that is JSON.
export async function handler(event: Event, context: Context) {
  const name = event.name ?? "world";
  console.log("greeting %s, %d ms left", name, context.getRemainingTimeInMillis());
  return { greeting: `Hello, ${name}!` };
}
