// Runs a built function in Node.js, for unit tests:
//
//     const hello = await load("bootstrap.wasm");
//     assert.deepEqual(hello.invoke({ name: "Ada" }), { greeting: "Hello, Ada!" });
//
// What a function throws, fails with, or asks of the host is as in wasmfaas; `invoke` throws a
// FunctionError for an error, and any other one where the module trapped.
import { readFile } from "node:fs/promises";
import { WASI } from "node:wasi";

/** What the function answered instead of an answer. */
export class FunctionError extends Error {
  constructor({ errorType, errorMessage }) {
    super(errorMessage);
    this.name = errorType;
  }
}

const CONTEXT = {
  requestId: "00000000-0000-4000-8000-000000000000",
  functionName: "function",
  functionVersion: "$LATEST",
  invokedFunctionArn: "arn:aws:lambda:us-east-1:000000000000:function:function",
  memoryLimitInMB: "128",
  logGroupName: "/aws/lambda/function",
  logStreamName: "stream",
  clientContext: null,
  identity: null,
  traceId: null,
};

/**
 * @param {string | URL} path of the module
 * @param {{
 *   env?: Record<string, string>,
 *   call?: (operation: string, request: Uint8Array) => Uint8Array,
 * }} options variables; answers of the host, both msgpack, an exception is `Unavailable`
 * @returns {Promise<{ invoke(event: unknown, context?: object): unknown }>}
 */
export async function load(path, { env = {}, call } = {}) {
  const wasi = new WASI({ version: "preview1", args: ["bootstrap"], env });
  const module = await WebAssembly.compile(await readFile(path));
  let memory;
  const bytes = (start, size) => new Uint8Array(memory.buffer, start >>> 0, size >>> 0);
  const instance = await WebAssembly.instantiate(module, {
    ...wasi.getImportObject(),
    wasmfaas: hostCalls(bytes, call),
  });
  ({ memory } = instance.exports);
  wasi.initialize(instance);
  return {
    invoke(event, context = {}) {
      const deadlineMs = String(Date.now() + 3000);
      const request = envelope(event, { ...CONTEXT, deadlineMs, ...context });
      const start = instance.exports.wasmfaas_alloc(request.length);
      bytes(start, request.length).set(request);
      const result = BigInt.asUintN(64, instance.exports.wasmfaas_handle(start, request.length));
      const answer = read(Buffer.from(bytes(Number(result >> 32n), Number(result & 0xffffffffn))));
      if ("error" in answer) throw new FunctionError(answer.error);
      return JSON.parse(answer.ok);
    },
  };
}

function hostCalls(bytes, call) {
  let held = new Uint8Array();
  return {
    call(op, opSize, request, requestSize) {
      let status = 0n;
      try {
        if (!call) throw new Error("the test gives no `call`");
        held = call(Buffer.from(bytes(op, opSize)).toString(), bytes(request, requestSize).slice());
      } catch (error) {
        status = 1n;
        const message = text(String(error.message));
        held = Buffer.concat([
          Buffer.from("\x82\xa9errorType\xabUnavailable\xacerrorMessage", "latin1"), message,
        ]);
      }
      return status << 32n | BigInt(held.length);
    },
    take(start, size) {
      if (size >>> 0 < held.length) return 0;
      bytes(start, held.length).set(held);
      return held.length;
    },
  };
}

function sized(tag, content) {
  const head = Buffer.alloc(5);
  head.writeUInt8(tag);
  head.writeUInt32BE(content.length, 1);
  return Buffer.concat([head, content]);
}

const text = (value) => sized(0xdb, Buffer.from(value));
const json = (value) => sized(0xc6, Buffer.from(JSON.stringify(value)));

function envelope(event, context) {
  const map = Buffer.from([0x82]);
  return Buffer.concat([map, text("event"), json(event), text("context"), json(context)]);
}

/** The answer envelope, as this SDK writes it: maps of texts and binaries. */
function read(data) {
  let at = 0;
  function value() {
    const tag = data[at++];
    if (tag >> 4 === 8) {
      const members = [];
      for (let left = tag & 15; left > 0; left--) members.push([value(), value()]);
      return Object.fromEntries(members);
    }
    let size = tag & 31;
    if (tag === 0xdb || tag === 0xc6) {
      size = data.readUInt32BE(at);
      at += 4;
    } else if (tag >> 5 !== 5) {
      throw new Error(`not an answer envelope: ${data.toString("hex", 0, 40)}`);
    }
    at += size;
    return data.toString("utf8", at - size, at);
  }
  return value();
}
