import assert from "node:assert/strict";
import test from "node:test";

import { Console, format } from "../guest/console.js";
import { HttpRequest, binary, html, json, redirect, text } from "../guest/http.js";
import { inspect } from "../guest/inspect.js";
import { Generator, cryptoOf } from "../guest/random.js";
import * as ours from "../guest/text.js";
import { fakeHost } from "./surroundings.js";

const TEXTS = ["", "plain", "Jörg", "日本語", "😀", "a\ud800b", "\udc00", "\0", "\ufffd\uffff\u{10ffff}", "é".repeat(9000)];
const NOT_UTF8 = [
  [0xff], [0xc0, 0x80], [0xc3], [0xe2, 0x82], [0xe2, 0x28, 0xa1], [0xed, 0xa0, 0x80], [0xf0, 0x80, 0x80, 0x80],
  [0xf4, 0x90, 0x80, 0x80], [0xf0, 0x9f, 0x98], [0x61, 0x80, 0x62], [0xf8, 0x88, 0x80, 0x80, 0x80], [0xe0, 0x9f, 0xbf],
];

test("text is encoded and decoded as Node.js does it", () => {
  for (const text of TEXTS) {
    const bytes = new TextEncoder().encode(text);
    assert.deepEqual(new ours.TextEncoder().encode(text), bytes);
    assert.equal(new ours.TextDecoder().decode(bytes), new TextDecoder().decode(bytes));
  }
  for (const bytes of NOT_UTF8) {
    const array = Uint8Array.from(bytes);
    assert.equal(new ours.TextDecoder().decode(array), new TextDecoder().decode(array), bytes.join());
    assert.throws(() => new ours.TextDecoder("utf8", { fatal: true }).decode(array), TypeError);
  }
});

test("any bytes are decoded as Node.js does it", () => {
  let state = 7;
  for (let round = 0; round < 300; round++) {
    const bytes = Uint8Array.from({ length: 40 }, () => {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      return [0xe0, 0xf0, 0xc2, 0x80, 0xbf, 0x41, 0xed, 0xf4][(state >>> 16) % 8] + ((state >>> 24) % 3);
    });
    assert.equal(new ours.TextDecoder().decode(bytes), new TextDecoder().decode(bytes), bytes.join());
  }
});

test("a stream of bytes is decoded wherever it is cut", () => {
  const bytes = new TextEncoder().encode("\ufeffaé日😀z");
  for (let cut = 0; cut <= bytes.length; cut++) {
    const decoder = new ours.TextDecoder();
    const parts = [decoder.decode(bytes.subarray(0, cut), { stream: true }), decoder.decode(bytes.subarray(cut))];
    assert.equal(parts.join(""), "aé日😀z", `cut at ${cut}`);
  }
});

test("encodeInto stops where a character does not fit", () => {
  const target = new Uint8Array(4);
  assert.deepEqual(new ours.TextEncoder().encodeInto("aé日", target), { read: 2, written: 3 });
});

test("random numbers are seeded by the host, and again after a reset", () => {
  const generator = new Generator(fakeHost());
  const first = Array.from({ length: 1000 }, () => generator.next());
  assert.ok(first.every((number) => number >= 0 && number < 1));
  assert.equal(new Set(first).size, 1000);
  const mean = first.reduce((sum, number) => sum + number) / 1000;
  assert.ok(Math.abs(mean - 0.5) < 0.05, String(mean));
  generator.reset();
  assert.notEqual(generator.next(), first[0]);
});

test("crypto draws from the host", () => {
  const crypto = cryptoOf(fakeHost());
  assert.match(crypto.randomUUID(), /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.notEqual(crypto.randomUUID(), crypto.randomUUID());
  const view = new Uint16Array([0, 0, 0]);
  assert.equal(crypto.getRandomValues(view.subarray(1, 2)).length, 1);
  assert.equal(view[0] + view[2], 0);
  assert.throws(() => crypto.getRandomValues(new Float64Array(1)), TypeError);
  assert.throws(() => crypto.getRandomValues(new Uint8Array(65537)), RangeError);
});

test("lines of the log have a level, and those below the least are left out", () => {
  const host = fakeHost();
  const console = new Console(host, new TextEncoder());
  console.begin("r-1", "WARN");
  console.log("hidden");
  console.warn("%s is %d", "one", 1, { two: [2] });
  assert.match(host.logged, /^\d{4}-\d\d-\d\dT[\d:.]+Z\tr-1\tWARN\tone is 1 \{ two: \[ 2 \] \}\n$/);
  console.begin("r-2", undefined);
  console.log(new Error("boom"));
  assert.match(host.logged, /r-2\tINFO\tError: boom\n/);
});

test("format knows Node.js's placeholders", () => {
  assert.equal(format(["%d%% %i %f %j %s", "4.5", "4.5", "4.5", { a: 1 }, [1]]), '4.5% 4 4.5 {"a":1} [ 1 ]');
  assert.equal(format(["%s"]), "%s");
  assert.equal(format([{ a: 1 }, "b"]), "{ a: 1 } b");
});

test("inspect shows containers, and ends", () => {
  const circular = { name: "c", map: new Map([["k", new Set([1])]]) };
  circular.self = circular;
  assert.equal(inspect(circular), '{ name: "c", map: Map(1) { "k" => Set(1) { 1 } }, self: [Circular] }');
  assert.equal(inspect([[[[[[1]]]]]]), "[ [ [ [ [ [Array] ] ] ] ] ]");
  assert.equal(inspect(new (class Point { x = -0; })()), "Point { x: -0 }");
  assert.match(inspect(Array(200).fill(1)), /… 100 more \]$/);
});

test("requests and answers of function URLs", () => {
  const request = new HttpRequest({
    rawPath: "/a",
    rawQueryString: "x=1&y=a+b%20c&y=%zz&z",
    headers: { "content-type": "application/json" },
    requestContext: { http: { method: "POST" } },
    body: btoa('{"a":1}'),
    isBase64Encoded: true,
  });
  assert.deepEqual([request.method, request.path], ["POST", "/a"]);
  assert.deepEqual(request.query, { x: "1", y: "%zz", z: "" });
  assert.equal(request.header("Content-Type"), "application/json");
  assert.deepEqual(request.json(), { a: 1 });
  assert.throws(() => new HttpRequest({ name: "Ada" }), /not an HTTP request/);
  assert.deepEqual(json([1], { status: 201, cookies: ["a=b"] }), {
    statusCode: 201, headers: { "content-type": "application/json" }, body: "[1]", cookies: ["a=b"],
  });
  assert.equal(text("é").body, "é");
  assert.equal(html("<p>").headers["content-type"], "text/html; charset=utf-8");
  assert.deepEqual([redirect("/b").statusCode, redirect("/b").headers.location], [302, "/b"]);
  assert.equal(binary(Uint8Array.of(0, 255)).body, "AP8=");
});
