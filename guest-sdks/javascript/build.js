#!/usr/bin/env node
// Makes a component of a function: node build.js app.js -o bootstrap.wasm
import { existsSync, realpathSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { componentize } from "componentize-qjs";
import { rolldown } from "rolldown";

import { complaint } from "./complaint.js";
import { withoutInit } from "./component.js";
import { originsOf } from "./origins.js";

const SDK = fileURLToPath(new URL(".", import.meta.url));
const ENTRY = "\0wasmfaas:entry";
// The newest language without async functions: QuickJS would run them on promises of its own.
const TARGET = "es2016";
const NOT_OWN = /\0|node_modules\/(promise-polyfill|@oxc-project)\//;
const TIMEOUT_S = 120;
const USAGE = `usage: wasmfaas-build SOURCE [-o OUTPUT] [--handler NAME] [--minify] [--timeout SECONDS]

  SOURCE          the module that exports the handler: JavaScript or TypeScript
  -o, --output    the component to write; bootstrap.wasm
  --handler       the export that is called; handler
  --minify        leave out names and white space; stack traces become hard to read
  --timeout       seconds that it may take, as what is at the top level of a module is run; ${TIMEOUT_S}`;

/** One module of *source* with the SDK around its export *handler*, and which line of it is whose. */
async function bundle(source, { handler = "handler", minify = false } = {}) {
  const code = `
    import { setOrigins } from ${JSON.stringify(join(SDK, "guest/traces.js"))};
    import { begin, emit, queue } from ${JSON.stringify(join(SDK, "guest/globals.js"))};
    import { serve } from ${JSON.stringify(join(SDK, "guest/invocation.js"))};
    import * as application from ${JSON.stringify(resolve(source))};
    globalThis.__wasmfaasOrigins = setOrigins;
    const name = ${JSON.stringify(handler)};
    const handler = application[name] ?? application.default?.[name];
    if (typeof handler !== "function") {
      const others = Object.keys(application).join(", ") || "nothing";
      throw new TypeError(${JSON.stringify(basename(source))} + " exports no function " + name + ", but " + others);
    }
    export const handle = serve(handler, { begin, emit, queue });`;
  const building = await rolldown({
    input: ENTRY,
    platform: "neutral",
    external: /^wasi:|^wasmfaas:/,
    resolve: {
      alias: { wasmfaas: join(SDK, "index.js") },
      mainFields: ["module", "main"],
      conditionNames: ["import", "default"],
    },
    // A handler is looked for by a name that may not be there.
    // What the target does not have by its name, QuickJS has: BigInt, and await at the top level.
    checks: { importIsUndefined: false, toleratedTransform: false },
    transform: { target: TARGET },
    plugins: [{
      name: "wasmfaas-entry",
      resolveId: (id) => (id === ENTRY ? id : null),
      load: (id) => (id === ENTRY ? code : null),
    }],
  });
  const { output } = await building.generate({
    codeSplitting: false,
    file: "bundle.js",
    format: "esm",
    minify,
    sourcemap: "hidden",
  });
  await building.close();
  const [bundled] = output;
  const isOwn = (path) => !path.startsWith(join(SDK, "guest")) && !NOT_OWN.test(path);
  const origins = originsOf(bundled, dirname(resolve(source)), isOwn);
  return { code: `${bundled.code}\n__wasmfaasOrigins(${JSON.stringify(origins)});\n`, origins };
}

/** The component for *source*, as bytes. */
export async function build(source, options = {}) {
  const { code, origins } = await bundle(source, options);
  const asked = { jsSource: code, sync: true, witPath: join(SDK, "wit"), world: "guest" };
  try {
    return withoutInit((await componentize(asked)).component);
  } catch (error) {
    throw new Error(complaint(error.message, basename(source), origins));
  }
}

async function main() {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: {
      handler: { type: "string" },
      help: { type: "boolean", short: "h" },
      minify: { type: "boolean" },
      output: { type: "string", short: "o", default: "bootstrap.wasm" },
      timeout: { type: "string", default: String(TIMEOUT_S) },
    },
  });
  if (values.help || positionals.length !== 1) {
    console.log(USAGE);
    return values.help ? 0 : 2;
  }
  if (!existsSync(positionals[0])) {
    console.error(`wasmfaas-build: ${positionals[0]} does not exist`);
    return 1;
  }
  const timeoutS = Number(values.timeout);
  if (!(timeoutS > 0 && timeoutS <= 2 ** 31 / 1000)) {
    console.error(`wasmfaas-build: --timeout is ${values.timeout}, but must be a number of seconds above 0`);
    return 2;
  }
  // Nothing else ends the engine, whose thread is not this one.
  setTimeout(() => {
    const [source] = positionals;
    console.error(`wasmfaas-build: ${source} was not built within ${timeoutS} s: does its top level end?`);
    process.exit(1);
  }, timeoutS * 1000).unref();
  try {
    await writeFile(values.output, await build(positionals[0], values));
  } catch (error) {
    console.error(`wasmfaas-build: ${error.message}`);
    return 1;
  }
  return 0;
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url))
  process.exitCode = await main();
