import type { Context } from "wasmfaas";

/** Any event -> how much time was left; says so in the log, too. */
export function handler(event: unknown, context: Context) {
  const remainingMs = context.getRemainingTimeInMillis();
  console.log("invocation %s has %d ms left", context.awsRequestId, remainingMs);
  process.stdout.write("stdout is the log, too\n");
  return { remainingMs };
}
