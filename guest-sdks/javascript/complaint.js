// What the engine complains of while a component is made, in terms of the sources.
import { isBuiltin } from "node:module";

const FAILED = /^([\s\S]*): Failed to evaluate user JavaScript module: ([\s\S]*)$/;
const FRAME = /^\s*at (.*?) ?\(?componentize-qjs:user\.js:(\d+):\d+\)?$/;

/** *message* of componentize-qjs about *source*; *origins*: what guest/traces.js takes. */
export function complaint(message, source, origins) {
  const [, logged, told] = FAILED.exec(message) ?? [];
  if (told === undefined) return message;
  const shown = logged.trim() === "" ? "" : `${logged.trim()}\n`;
  const missing = /Error resolving module '([^']*)'/.exec(told)?.[1];
  if (missing !== undefined) {
    const why = isBuiltin(missing) ? "a sandbox has none of Node's own modules" : "npm install it, or mend the name";
    return `${shown}${source} imports ${missing}, which is not there: ${why}`;
  }
  if (told.includes("resulted in a dead lock"))
    return `${shown}${source} awaits at its top level what nothing settles: it runs while it is built, without timers`;
  const [first, ...rest] = told.trimEnd().split("\n");
  const lines = rest.map((line) => located(line, origins)).filter((line) => line !== null);
  const what = first.replace(/^Failed to [^:]*: (Error: )?/, "");
  // Only what has a line of the sources in it is of the sources.
  if (lines.length === 0) return `${shown}${what}`;
  const whose = `${source} fails at its top level, which runs while the component is built`;
  return [`${shown}${whose}: ${what}`, ...lines].join("\n");
}

/** A line of a trace, where it is of the sources, and any other; null for what is not theirs. */
function located(line, origins) {
  const found = FRAME.exec(line);
  if (found === null) return line.trim().startsWith("at ") ? null : line;
  const [index, at] = origins.lines[found[2]] ?? [];
  return at === undefined ? null : `    at ${found[1] || "<anonymous>"} (${origins.sources[index]}:${at})`;
}
