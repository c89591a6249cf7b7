// console: lines as Lambda's Node.js runtime writes them, to the function's log.
import { inspect, jsonOr } from "./inspect.js";

const LEVELS = { trace: 0, debug: 1, info: 2, warn: 3, error: 4, fatal: 5 };

/** Writes a line for each call; `begin` says for which invocation. */
export class Console {
  #host;
  #encoder;
  #requestId = "";
  #least = 0;
  #counts = new Map();
  #timers = new Map();
  #indent = "";

  constructor(host, encoder) {
    this.#host = host;
    this.#encoder = encoder;
    for (const level of ["trace", "debug", "info", "warn", "error"])
      this[level] = (...values) => this.#write(level, values);
    this.log = (...values) => this.#write("info", values);
    this.dir = (value) => this.#write("info", [inspect(value)]);
    this.table = this.dir;
    this.assert = (holds, ...values) => holds || this.#write("error", ["Assertion failed", ...values]);
    this.count = (label = "default") => {
      this.#counts.set(label, (this.#counts.get(label) ?? 0) + 1);
      this.log(`${label}: ${this.#counts.get(label)}`);
    };
    this.countReset = (label = "default") => this.#counts.delete(label);
    this.time = (label = "default") => this.#timers.set(label, Date.now());
    this.timeLog = (label = "default") => this.log(`${label}: ${Date.now() - this.#timers.get(label)}ms`);
    this.timeEnd = (label = "default") => (this.timeLog(label), this.#timers.delete(label));
    this.group = (...values) => {
      if (values.length > 0) this.log(...values);
      this.#indent += "  ";
    };
    this.groupEnd = () => (this.#indent = this.#indent.slice(2));
  }

  /** *level*: what AWS_LAMBDA_LOG_LEVEL says; lines below it are left out. */
  begin(requestId, level) {
    this.#requestId = requestId;
    this.#least = LEVELS[String(level ?? "").toLowerCase()] ?? 0;
    this.#indent = "";
    this.#counts.clear();
    this.#timers.clear();
  }

  #write(level, values) {
    if (LEVELS[level] < this.#least) return;
    const text = format(values).replace(/^/gm, this.#indent);
    const line = `${new Date().toISOString()}\t${this.#requestId}\t${level.toUpperCase()}\t${text}\n`;
    this.#host.log(this.#encoder.encode(line));
  }
}

/** *values* as one text: `%s`, `%d`, `%i`, `%f`, `%j`, `%o` and `%O` as in Node.js. */
export function format(values) {
  const rest = [...values];
  const shown = (value) => (typeof value === "string" ? value : inspect(value));
  if (typeof rest[0] !== "string") return rest.map(shown).join(" ");
  const text = rest.shift().replace(/%([sdifjoOc%])/g, (whole, kind) => {
    if (kind === "%") return "%";
    if (rest.length === 0) return whole;
    const value = rest.shift();
    if (kind === "c") return "";
    if (kind === "s") return typeof value === "object" ? inspect(value) : String(value);
    if (kind === "j") return jsonOr(value, inspect);
    if (kind === "o" || kind === "O") return inspect(value);
    if (typeof value === "symbol" || typeof value === "object") return "NaN";
    if (kind === "d") return String(Number(value));
    return String(kind === "i" ? parseInt(value, 10) : parseFloat(value));
  });
  return [text, ...rest.map(shown)].join(" ");
}
