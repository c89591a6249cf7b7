import type { Handler } from "wasmfaas";

/** Any event -> {"event": the event, "context": what the host says of the invocation}. */
export const handler: Handler = (event, context) => ({ event, context: context.raw });
