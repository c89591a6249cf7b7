// Any event -> {"event": the event, "context": what the host says of the invocation}.
export function handler(event, context) {
  return { event, context: context.raw };
}
