// npm test: the handler is an ordinary function, here without a sandbox.
import assert from "node:assert/strict";
import test from "node:test";

import { handler } from "./app.js";

test("greets by name", async () => {
  const context = { getRemainingTimeInMillis: () => 3000 };
  assert.deepEqual(await handler({ name: "Ada" }, context), { greeting: "Hello, Ada!" });
});
