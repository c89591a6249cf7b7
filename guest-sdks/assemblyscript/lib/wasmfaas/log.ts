import { environment, write } from "./wasi";

export enum Level {
  Trace,
  Debug,
  Info,
  Warn,
  Error,
  Fatal,
}

// @ts-ignore: decorator
@lazy const NAMES: string[] = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"];

// The least level that is written; -1 before it was looked up.
let least: i32 = -1;

/** Writes a line to the function's log, where its level is not below AWS_LAMBDA_LOG_LEVEL. */
export function log(level: Level, message: string): void {
  if (least < 0) {
    const variables = environment();
    const name = "AWS_LAMBDA_LOG_LEVEL";
    least = variables.has(name) ? NAMES.indexOf(variables.get(name)) : -1;
    if (least < 0) least = Level.Info;
  }
  if (<i32>level >= least) write(2, `[${NAMES[level]}] ${message}\n`);
}
