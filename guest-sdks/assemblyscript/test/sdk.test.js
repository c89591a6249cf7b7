import assert from "node:assert/strict";
import { test } from "node:test";

import { FunctionError, load } from "../testing.js";

// Built of samples/hello.ts and of calls.ts.
const HELLO = process.env.HELLO ?? "hello.wasm";
const CALLS = process.env.CALLS ?? "calls.wasm";

const text = (value) => Buffer.from([0xa0 + value.length, ...Buffer.from(value)]);
const map = (...members) =>
  Buffer.concat([
    Buffer.from([0x80 + members.length / 2]),
    ...members.map((each) => (typeof each === "string" ? text(each) : Buffer.from(each))),
  ]);

async function asking(answer) {
  const asked = [];
  const call = (operation, request) => {
    asked.push([operation, Buffer.from(request).toString("latin1")]);
    return answer(operation);
  };
  return { calls: await load(CALLS, { call }), asked };
}

test("a sample answers, and fails", async () => {
  const hello = await load(HELLO, { env: { _HANDLER: "hello" } });
  assert.deepEqual(hello.invoke({ name: "Ada" }), { greeting: "Hello, Ada!" });
  assert.throws(() => hello.invoke({}), { name: "BadEvent", message: /"name"/ });
  assert.throws(() => hello.invoke({}), FunctionError);
});

test("strings may have lone surrogates, and numbers keep their digits", async () => {
  const calls = await load(CALLS);
  for (const value of ["\ud800", "a\udfff\ud83d", "\ud83d\ude00\0", "\udc00\ud800"])
    assert.equal(calls.invoke({ value }).value, value);
  for (const value of [0.1, 1e-310, 123456789012345680000, -0.5e-7])
    assert.equal(calls.invoke({ value }).value, value);
});

test("integers have 64 bits", async () => {
  const calls = await load(CALLS);
  const plusOne = (value) => calls.invoke({ do: "integer", value });
  assert.equal(plusOne(2 ** 53 - 2), 2 ** 53 - 1);
  assert.equal(plusOne(-(2 ** 62)), -(2 ** 62) + 1);
  for (const value of [2 ** 64, 0.5, "1"]) assert.equal(plusOne(value), -1);
});

test("what is nested too deep is refused", async () => {
  const calls = await load(CALLS);
  const nested = (depth) => JSON.parse("[".repeat(depth) + "]".repeat(depth));
  assert.deepEqual(calls.invoke(nested(1001)), nested(1001));
  assert.throws(() => calls.invoke(nested(1002)), { name: "BadEvent" });
});

test("fetch", async () => {
  const body = [0xc4, 2, ...Buffer.from("hi")];
  const header = [0x91, 0x92, ...text("Content-Type"), ...text("text/plain")];
  const { calls, asked } = await asking(() => map("status", [0xcc, 200], "body", body, "headers", header));
  assert.deepEqual(calls.invoke({ do: "fetch" }), { status: 200, text: "hi", type: "text/plain" });
  const [[operation, request]] = asked;
  assert.equal(operation, "fetch");
  for (const part of ["http://example.com/", "PUT", "x-a", "timeoutMs"]) assert.ok(request.includes(part), part);
  assert.ok(!request.includes("body"));
});

test("key-value", async () => {
  const answers = {
    "kv.set": map("version", [3]),
    "kv.delete": map("deleted", [0xc3]),
    "kv.list": map("keys", [0x92, ...map("key", "p1"), ...map("key", "p2")], "next", [0xc0]),
  };
  const { calls, asked } = await asking((operation) => answers[operation]);
  assert.deepEqual(calls.invoke({ do: "kv" }), { version: 3, deleted: true, keys: ["p1", "p2"] });
  for (const part of ["ttlMs", "ifVersion", "namespace"]) {
    assert.ok(asked[0][1].includes(part), part);
    assert.ok(!asked[1][1].includes(part), part);
  }
});

test("invoke, secrets and operations by name", async () => {
  const answers = {
    invoke: map("payload", [0xc4, 3, ...Buffer.from("[7]")]),
    "secrets.get": map("value", [0xc4, 2, ...Buffer.from("pw")]),
    "some.thing": map("list", [0x93, 0xff, 0xd1, 0xff, 0x00, 0xcb, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0]),
  };
  const { calls, asked } = await asking((operation) => answers[operation]);
  assert.deepEqual(calls.invoke({ do: "invoke" }), [7]);
  assert.equal(calls.invoke({ do: "secret" }), "pw");
  assert.deepEqual(calls.invoke({ do: "other" }), { list: [-1, -256, 1.5] });
  assert.ok(asked[2][1].includes("\xcb\xbf\xf8\0\0\0\0\0\0"));
  assert.ok(asked[2][1].includes("\xd3\x80\0\0\0\0\0\0\0"));
});

test("what the host refuses, and what nobody can read, is an error", async () => {
  const { calls } = await asking(() => { throw new Error("not now"); });
  assert.throws(() => calls.invoke({ do: "other" }), { name: "Unavailable", message: "not now" });
  const { calls: broken } = await asking(() => Buffer.from([0xdf, 0xff, 0xff, 0xff, 0xff]));
  assert.throws(() => broken.invoke({ do: "other" }), { name: "Unavailable", message: /cannot be read/ });
});

test("requests and answers of HTTP", async () => {
  const calls = await load(CALLS);
  const event = { do: "http", queryStringParameters: { q: "x" }, body: "aMOk", isBase64Encoded: true };
  assert.deepEqual(calls.invoke(event), {
    statusCode: 202,
    headers: { "content-type": "application/json" },
    body: '["x","hä"]',
    isBase64Encoded: false,
    cookies: ["a=b"],
  });
});
