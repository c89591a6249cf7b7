// npm test: the handler is an ordinary function, here without a sandbox.
import assert from "node:assert/strict";
import test from "node:test";

import { handler } from "./app.ts";

const context = { getRemainingTimeInMillis: () => 3000 } as never;

test("greets by name", async () => {
  assert.deepEqual(await handler({ name: "Ada" }, context), { greeting: "Hello, Ada!" });
});

test("says what it fetched", async (t) => {
  const fetch = t.mock.method(globalThis, "fetch", async () => new Response("four", { status: 404 }));
  const answer = await handler({ url: "https://example.com/" }, context);
  assert.deepEqual(answer, { greeting: "Hello, world!", status: 404, characters: 4 });
  assert.equal(fetch.mock.callCount(), 1);
});
