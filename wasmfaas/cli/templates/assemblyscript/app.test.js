// npm test: the built function in Node.js, without a server.
import assert from "node:assert/strict";
import test from "node:test";

import { load } from "wasmfaas-assemblyscript";

test("greets by name", async () => {
  const hello = await load("bootstrap.wasm");
  assert.deepEqual(hello.invoke({ name: "Ada" }), { greeting: "Hello, Ada!" });
});
