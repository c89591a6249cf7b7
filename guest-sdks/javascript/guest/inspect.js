// A value as text for the log: what Node.js shows, shorter.
import { traced } from "./traces.js";

const DEPTH_MAX = 4;
const ITEMS_MAX = 100;
const IDENTIFIER = /^[A-Za-z_$][\w$]*$/;

/** *value* as one line of text; the stack of an error. */
export function inspect(value) {
  return shown(value, 0, []);
}

/** *value* as JSON text, or else as *other* shows it. */
export function jsonOr(value, other) {
  try {
    return JSON.stringify(value) ?? other(value);
  } catch {
    return other(value);
  }
}

function shown(value, depth, above) {
  try {
    return plainlyShown(value, depth, above);
  } catch {
    // A proxy, or a method of the value's own, that throws; the log must not.
    return `[${typeof value} that cannot be shown]`;
  }
}

function plainlyShown(value, depth, above) {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "function") return `[Function: ${value.name || "(anonymous)"}]`;
  if (typeof value !== "object" || value === null) return Object.is(value, -0) ? "-0" : String(value);
  if (value instanceof Error) return errorText(value);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? "Invalid Date" : value.toISOString();
  if (value instanceof RegExp) return String(value);
  if (above.includes(value)) return "[Circular]";
  if (depth > DEPTH_MAX) return Array.isArray(value) ? "[Array]" : "[Object]";
  return container(value, (item) => shown(item, depth + 1, [...above, value]));
}

function errorText(error) {
  const cause = error.cause === undefined ? "" : `\n  cause: ${inspect(error.cause)}`;
  const frames = traced(error.stack).map((frame) => `\n    ${frame}`);
  return `${error.name}: ${error.message}${frames.join("")}${cause}`;
}

function container(value, show) {
  if (Array.isArray(value) || ArrayBuffer.isView(value)) {
    const prefix = Array.isArray(value) ? "" : `${value.constructor.name}(${value.length}) `;
    return prefix + wrapped("[", Array.from(value).map(show), "]");
  }
  if (value instanceof Map) {
    const entries = Array.from(value, ([key, item]) => `${show(key)} => ${show(item)}`);
    return `Map(${value.size}) ${wrapped("{", entries, "}")}`;
  }
  if (value instanceof Set) return `Set(${value.size}) ${wrapped("{", Array.from(value, show), "}")}`;
  const name = Object.getPrototypeOf(value)?.constructor?.name ?? "[null]";
  const key = (text) => (IDENTIFIER.test(text) ? text : JSON.stringify(text));
  const members = Object.entries(Object.getOwnPropertyDescriptors(value))
    .filter(([, { enumerable }]) => enumerable)
    .map(([member, { get, value: item }]) => `${key(member)}: ${get === undefined ? show(item) : "[Getter]"}`);
  return (name === "Object" ? "" : `${name} `) + wrapped("{", members, "}");
}

function wrapped(open, items, close) {
  if (items.length === 0) return open + close;
  const more = items.length - ITEMS_MAX;
  const listed = more > 0 ? [...items.slice(0, ITEMS_MAX), `… ${more} more`] : items;
  return `${open} ${listed.join(", ")} ${close}`;
}
