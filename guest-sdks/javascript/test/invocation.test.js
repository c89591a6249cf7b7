import assert from "node:assert/strict";
import test from "node:test";

import { Context, serve } from "../guest/invocation.js";
import { isolated } from "./surroundings.js";

const CONTEXT = { requestId: "r-1", deadlineMs: "5000", functionName: "f", memoryLimitInMB: "128" };

function called(handler, event = null, context = CONTEXT) {
  const { queue } = isolated();
  return JSON.parse(serve(handler, { queue })(JSON.stringify(event), JSON.stringify(context)));
}

function failed(handler, event = null) {
  try {
    called(handler, event);
  } catch (thrown) {
    assert.equal(typeof thrown, "string", String(thrown?.stack));
    return JSON.parse(thrown);
  }
  return assert.fail("no error");
}

test("answers what the handler returns, and null for nothing", () => {
  assert.deepEqual(called((event) => event, { a: [1, null, "é\0"] }), { a: [1, null, "é\0"] });
  assert.equal(called(() => undefined), null);
  assert.equal(called(() => () => 1), null);
});

test("awaits what the handler promises", () => {
  const { Promise } = isolated.globals;
  const setTimeout = (...values) => isolated.globals.setTimeout(...values);
  assert.equal(called(() => Promise.resolve(1).then((one) => one + 1)), 2);
  assert.equal(called(() => new Promise((resolve) => setTimeout(resolve, 1000, "late"))), "late");
  assert.equal(called((event, context, callback) => void setTimeout(() => callback(null, 3), 5)), 3);
  assert.deepEqual(called(() => Promise.all([1, Promise.resolve(2)])), [1, 2]);
});

test("what is thrown, rejected or called back is an error payload", () => {
  const { Promise } = isolated.globals;
  class NotFound extends Error {
    name = "NotFound";
  }
  const throwing = () => {
    throw new NotFound("no such city: Atlantis");
  };
  for (const handler of [
    throwing,
    () => Promise.resolve().then(throwing),
    (event, context, callback) => callback(new NotFound("no such city: Atlantis")),
  ]) {
    const { errorType, errorMessage, stackTrace } = failed(handler);
    assert.deepEqual([errorType, errorMessage], ["NotFound", "no such city: Atlantis"]);
    assert.ok(stackTrace.every((line) => line.startsWith("at ")), stackTrace);
    assert.ok(stackTrace.length > 0);
  }
});

test("what is thrown need not be an Error", () => {
  const thrown = (value) => () => {
    throw value;
  };
  assert.deepEqual(failed(thrown("text")), { errorType: "string", errorMessage: "text", stackTrace: [] });
  assert.equal(failed(thrown(null)).errorType, "null");
  assert.equal(failed(thrown({ code: 4 })).errorMessage, '{"code":4}');
});

test("answers that are no JSON are errors of the function", () => {
  assert.equal(failed(() => 1n).errorType, "TypeError");
  const circular = {};
  circular.self = circular;
  assert.equal(failed(() => circular).errorType, "TypeError");
});

test("a promise that nothing can settle is told, not waited for", () => {
  assert.equal(failed(() => new isolated.globals.Promise(() => {})).errorType, "PromiseNeverSettled");
});

test("timers of an invocation end with it", () => {
  const { queue } = isolated();
  let fired = 0;
  const handle = serve(
    () => {
      queue.schedule(() => fired++, 1, [], true);
      return 1;
    },
    { queue },
  );
  assert.equal(handle("null", "{}"), "1");
  assert.equal(handle("null", "{}"), "1");
  assert.equal(fired, 0);
});

test("out of memory is no error payload: the sandbox has to go", () => {
  const { queue } = isolated();
  const handler = () => {
    throw Object.assign(new Error("out of memory"), { name: "InternalError" });
  };
  assert.throws(() => serve(handler, { queue })("null", "{}"), (thrown) => typeof thrown === "object");
});

test("the context has Lambda's names", () => {
  const context = new Context({ ...CONTEXT, clientContext: null, extra: 1 }, () => 4000);
  assert.equal(context.awsRequestId, "r-1");
  assert.equal(context.getRemainingTimeInMillis(), 1000);
  assert.equal(context.clientContext, undefined);
  assert.equal(context.raw.extra, 1);
  assert.equal(new Context(CONTEXT, () => 6000).getRemainingTimeInMillis(), 0);
  assert.equal(new Context({}).getRemainingTimeInMillis(), 0);
});

test("timers fire in the order of their times, and sleep until then", () => {
  const { queue, host } = isolated();
  const order = [];
  queue.schedule((name) => order.push(name), 250, ["second"], false);
  queue.schedule((name) => order.push(name), 10, ["first"], false);
  const id = queue.schedule(() => order.push("never"), 1, [], false);
  queue.cancel(id);
  let ticks = 0;
  const interval = queue.schedule(() => ++ticks === 3 && queue.cancel(interval), 100, [], true);
  assert.equal(queue.run(() => false), false);
  assert.deepEqual(order, ["first", "second"]);
  assert.equal(ticks, 3);
  assert.ok(host.slept.every((milliseconds) => milliseconds <= 100));
});
