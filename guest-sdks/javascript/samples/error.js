// {"value": 9} -> 3, but {"value": -4} -> an error of type Negative.
class BadEvent extends Error {
  name = "BadEvent";
}

class Negative extends Error {
  name = "Negative";
}

export function handler(event) {
  const value = event?.value;
  if (typeof value !== "number") throw new BadEvent('the event needs a number "value"');
  if (value < 0) throw new Negative(`${value} has no square root here`);
  return Math.sqrt(value);
}
