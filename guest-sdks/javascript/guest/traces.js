// Stack traces in terms of the sources: build.js says which line of the bundle comes from where.
const FRAME = /^\s*at (?:(.*?) \()?[^()]*?user\.js:(\d+):\d+\)?$/;

let origins = { sources: [], lines: [] };

/** *lines*: for each line of the bundle, the index of its source and the line there, or nothing. */
export function setOrigins(found) {
  origins = found;
}

/** The frames of *stack*, such as `at handler (app.js:3)`: the function's own, or else the engine's. */
export function traced(stack) {
  const frames = String(stack ?? "").split("\n").map((line) => line.trim()).filter((line) => line.startsWith("at "));
  const own = frames.map(located).filter((frame) => frame !== null);
  return own.length > 0 ? own : frames.filter((frame) => !FRAME.test(frame));
}

function located(frame) {
  const found = FRAME.exec(frame);
  const [source, line] = origins.lines[found?.[2]] ?? [];
  if (line === undefined) return null;
  return `at ${found[1] ?? "<anonymous>"} (${origins.sources[source]}:${line})`;
}
