// Called with an event, answers with anything that is JSON.
export async function handler(event, context) {
  const name = event.name ?? "world";
  console.log("greeting %s, %d ms left", name, context.getRemainingTimeInMillis());
  const greeting = `Hello, ${name}!`;
  if (event.url === undefined) return { greeting };
  // Which addresses may be asked: [permissions] in wasmfaas.toml.
  const response = await fetch(event.url, { signal: AbortSignal.timeout(2000) });
  const page = await response.text();
  return { greeting, status: response.status, characters: page.length };
}
