import assert from "node:assert/strict";
import test from "node:test";

import { AbortController, AbortSignal } from "../guest/abort.js";
import { fromBase64, toBase64 } from "../guest/base64.js";
import { HostError, call } from "../guest/calls.js";
import { FunctionError, invoke, invokeEvent, kv, secrets } from "../guest/capabilities.js";
import { Headers, Response, fetch } from "../guest/fetch.js";
import { answerCalls } from "../testing.js";

/** Runs *body* with a host whose *answers* are by operation, and returns what it was asked. */
async function asked(answers, body) {
  const calls = [];
  const end = answerCalls((operation, request) => {
    calls.push([operation, request]);
    const answer = answers[operation];
    if (answer instanceof Error) throw answer;
    return typeof answer === "function" ? answer(request) : answer;
  });
  try {
    await body();
  } finally {
    end();
  }
  return calls;
}

test("without a host, calls say what a test has", async () => {
  await assert.rejects(kv.get("a"), { type: "Unavailable", message: /answerCalls of wasmfaas\/testing/ });
});

test("bytes go both ways, wherever they are", async () => {
  const bytes = Uint8Array.from({ length: 10_000 }, (_, index) => index % 256);
  assert.deepEqual(fromBase64(toBase64(bytes)), bytes);
  const view = new DataView(Uint8Array.of(1, 2, 3).buffer, 1, 1);
  const request = { deep: [Buffer.from([255]), view, Uint8Array.of(7).buffer], left: undefined, none: null };
  const [[operation, sent]] = await asked({ "a.b": { c: 1 } }, async () => {
    assert.deepEqual(await call("a.b", request), { c: 1 });
  });
  assert.equal(operation, "a.b");
  assert.deepEqual(sent, { deep: [{ base64: "/w==" }, { base64: "Ag==" }, { base64: "Bw==" }], none: null });
});

test("key-value", async () => {
  const values = { text: "é", bytes: { base64: "AP8=" }, none: null };
  const get = ({ key }) => ({ value: values[key], version: 3, expiresAtMs: 4 });
  await asked({ "kv.get": get }, async () => {
    assert.equal(await kv.get("text"), "é");
    assert.deepEqual(await kv.getBytes("bytes"), Uint8Array.of(0, 255));
    assert.deepEqual([await kv.get("none"), await kv.getBytes("none")], [null, null]);
    const { text, bytes, version, expiresAtMs } = await kv.entry("bytes");
    assert.deepEqual([text, bytes.length, version, expiresAtMs], ["\0\ufffd", 2, 3, 4]);
  });
  const pages = { null: { keys: [{ key: "a" }, { key: "b" }], next: "b" }, b: { keys: [{ key: "c" }], next: null } };
  const found = [];
  const calls = await asked({ "kv.list": ({ after }) => pages[after] }, async () => {
    for await (const { key } of kv.keys("p", { namespace: "n" })) found.push(key);
  });
  assert.deepEqual(found, ["a", "b", "c"]);
  assert.deepEqual(calls[1], ["kv.list", { prefix: "p", limit: 1000, after: "b", namespace: "n" }]);
  const conflict = new HostError("VersionConflict", "no");
  await asked({ "kv.set": conflict }, () => assert.rejects(kv.set("a", "b", { ifVersion: 1 }), conflict));
});

test("functions and secrets", async () => {
  const answers = {
    invoke: ({ payload, type }) => ({ payload, functionError: null, requestId: `r-${type}` }),
    "secrets.get": { value: "hush" },
  };
  await asked(answers, async () => {
    assert.deepEqual(await invoke("f", { a: 1 }), { a: 1 });
    assert.equal(await invoke("f"), null);
    assert.equal(await invokeEvent("f", [1]), "r-Event");
    assert.equal(await secrets.get("s"), "hush");
  });
  const failed = { payload: '{"errorMessage":"boom","errorType":"E"}', functionError: "Unhandled" };
  await asked({ invoke: failed }, () =>
    assert.rejects(invoke("f"), (error) => {
      assert.ok(error instanceof FunctionError);
      assert.deepEqual([error.kind, error.message, error.payload.errorType], ["Unhandled", "boom", "E"]);
      return true;
    }),
  );
});

test("fetch sends what the host takes", async () => {
  const answer = { status: 201, headers: [["A", "1"], ["a", "2"]], body: '\ufeff{"b":1}', url: "http://x/2" };
  const calls = await asked({ fetch: answer }, async () => {
    const response = await fetch(new URL("http://x/é b?c"), { method: "patch", headers: [["N", " v "]], body: "t" });
    assert.deepEqual([response.status, response.ok, response.url], [201, true, "http://x/2"]);
    assert.equal(response.headers.get("A"), "1, 2");
    const copy = response.clone();
    assert.deepEqual(await response.json(), { b: 1 });
    await assert.rejects(response.text(), TypeError);
    assert.equal((await copy.arrayBuffer()).byteLength, 10);
    await fetch(" http://x/ü\ud800 ", { method: "put", body: Uint8Array.of(255), signal: AbortSignal.timeout(60_000) });
  });
  assert.deepEqual(calls[0][1], {
    url: "http://x/%C3%A9%20b?c", method: "patch", body: "t",
    headers: [["content-type", "text/plain;charset=UTF-8"], ["n", "v"]],
  });
  const { timeoutMs, ...rest } = calls[1][1];
  assert.deepEqual(rest, { url: "http://x/%C3%BC%EF%BF%BD", method: "PUT", headers: [], body: { base64: "/w==" } });
  assert.ok(timeoutMs > 0 && timeoutMs <= 60_000);
});

test("fetch refuses what it cannot send", async () => {
  const calls = await asked({}, async () => {
    await assert.rejects(fetch("http://x", { body: "no" }), /a GET request has no body/);
    await assert.rejects(fetch("http://x", { method: "POST", body: {} }), /for JSON, JSON.stringify/);
    const controller = new AbortController();
    controller.signal.addEventListener("abort", ({ target }) => assert.equal(target, controller.signal));
    controller.abort();
    await assert.rejects(fetch("http://x", { signal: controller.signal }), { name: "AbortError" });
    await assert.rejects(fetch("http://x", { signal: AbortSignal.timeout(0) }), { name: "TimeoutError" });
  });
  assert.deepEqual(calls, []);
});

test("headers and responses are those of Node.js", async () => {
  for (const Kind of [Headers, globalThis.Headers]) {
    const headers = new Kind({ "X-B": "2", A: " 1 " });
    headers.append("x-b", "3");
    headers.append("Set-Cookie", "a=1");
    headers.append("set-cookie", "b=2");
    headers.delete("nothing");
    const expected = [["a", "1"], ["set-cookie", "a=1"], ["set-cookie", "b=2"], ["x-b", "2, 3"]];
    assert.deepEqual([...headers], expected);
    assert.deepEqual([...new Kind(headers)], expected);
    assert.deepEqual([headers.get("none"), headers.has("X-b"), headers.getSetCookie().length], [null, true, 2]);
    headers.set("x-b", "4");
    assert.equal(headers.get("X-B"), "4");
  }
  for (const Kind of [Response, globalThis.Response]) {
    const response = Kind.json({ a: [1] }, { status: 404 });
    assert.deepEqual([response.ok, response.headers.get("content-type")], [false, "application/json"]);
    assert.deepEqual(await response.clone().json(), { a: [1] });
    assert.equal(new Kind("é").headers.get("content-type").toLowerCase(), "text/plain;charset=utf-8");
    assert.equal(await new Kind(Uint8Array.of(0xc3, 0xa9)).text(), "é");
    assert.equal(await new Kind(null).text(), "");
  }
});
