import type { Handler } from "wasmfaas";

class BadEvent extends Error {
  override name = "BadEvent";
}

class Negative extends Error {
  override name = "Negative";
}

/** {"value": 9} -> 3, but {"value": -4} -> an error of type Negative. */
export const handler: Handler<{ value?: unknown } | null, number> = (event) => {
  const value = event?.value;
  if (typeof value !== "number") throw new BadEvent('the event needs a number "value"');
  if (value < 0) throw new Negative(`${value} has no square root here`);
  return Math.sqrt(value);
};
