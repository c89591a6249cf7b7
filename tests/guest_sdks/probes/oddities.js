// What goes wrong in JavaScript; test_capabilities.py says how each is told.
const circular = {};
circular.self = circular;
const unreadable = new Proxy({}, {
  get() {
    throw new Error("no");
  },
  has: () => true,
  ownKeys: () => 1,
});
const colour = process.env.COLOUR;

function thrown(value) {
  throw value;
}

const ODDITIES = {
  bigint: () => ({ a: 1n }),
  circular: () => circular,
  converting: () => ({ toJSON: () => thrown(new RangeError("not today")) }),
  deep: function deep() {
    return ODDITIES.deep() + 1;
  },
  large: () => "x".repeat(6_300_000),
  never: () => new Promise(() => {}),
  unreadable: () => thrown(unreadable),
  symbol: () => thrown(Symbol("s")),
  nothing: () => thrown(undefined),
  rejected: () => Promise.reject(10n),
  timer: () => new Promise(() => setTimeout(() => thrown(new Error("late")), 1)),
  async lost() {
    Promise.reject(new Error("nobody listens"));
    console.log("%j %s", circular, unreadable, { get a() { return thrown(1); } }, "\ud800");
    return [1, colour ?? null];
  },
  values: () => [NaN, Infinity, undefined, () => 1, -0, new Date(0), new Date(NaN), "\ud800", new Map(), Object(1n) > 0n],
};

export const handler = (event) => ODDITIES[event.do]();
