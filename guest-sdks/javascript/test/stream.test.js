import assert from "node:assert/strict";
import test from "node:test";

import { SENT, awslambdaOf, isIterator, sendAll } from "../guest/stream.js";

/** A host that wants *count* parts, which are `sent`. */
function host(count = Infinity) {
  const sent = [];
  return { sent, emit: (data) => sent.push(data) < count };
}

test("iterators and generators answer in parts; nothing else does", async () => {
  async function* parts() {
    yield "aü";
    yield Uint8Array.of(0, 255).buffer;
    yield "b".repeat(70_000);
  }
  assert.deepEqual([parts(), new Map().keys(), [1].values()].map(isIterator), [true, true, true]);
  assert.deepEqual([[1], "text", { next: 1 }, null, undefined, new Map()].map(isIterator), Array(6).fill(false));
  const { sent, emit } = host();
  assert.equal(await sendAll(parts(), emit), SENT);
  assert.deepEqual(sent, ["", "a\xc3\xbc", "\0\xff", "b".repeat(65_536), "b".repeat(70_000 - 65_536)]);
});

test("what is not wanted is not made", async () => {
  let closed = false;
  function* forever() {
    try {
      for (;;) yield "x";
    } finally {
      closed = true;
    }
  }
  const { sent, emit } = host(3);
  await sendAll(forever(), emit);
  assert.deepEqual([sent.length, closed], [3, true]);
  await assert.rejects(sendAll([4].values(), emit), /a string or bytes, not number/);
});

test("handlers of Lambda's kind write", async () => {
  const { sent, emit } = host();
  const { streamifyResponse, HttpResponseStream } = awslambdaOf(emit);
  const run = (write) => streamifyResponse(async (event, stream, context) => write(stream, event, context))("e", "c");
  const written = await run((stream, event, context) => {
    stream.setContentType("text/css");
    assert.equal(stream.write(event), true);
    stream.end(context);
    stream.end();
    assert.throws(() => stream.write("more"), /was ended/);
  });
  assert.equal(written, SENT);
  const head = `{"statusCode":200,"headers":{"content-type":"text/css"}}${"\0".repeat(8)}`;
  assert.deepEqual(sent.splice(0), ["", head, "e", "c"]);
  await run((stream) => stream.end());
  assert.deepEqual(sent.splice(0), [""]);
  await run((stream) => HttpResponseStream.from(stream, { statusCode: 204 }).end());
  assert.deepEqual(sent.splice(0), [`{"statusCode":204}${"\0".repeat(8)}`]);
});
