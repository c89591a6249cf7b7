// Write wasmfaas functions in AssemblyScript. ABI version 1, see guest-sdks/README.md.
//
//     import { Context, Json, start } from "wasmfaas";
//
//     function hello(event: Json, context: Context): Json {
//       return Json.object().set("greeting", `Hello, ${event.get("name").string()}!`);
//     }
//
//     start(hello);
export { Context } from "./wasmfaas/context";
export { Handler, start } from "./wasmfaas/function";
export {
  Answer, FetchAnswer, FetchOptions, InvokeAnswer, KvAnswer, KvList, Secret,
  call, fetch, invoke, kv, secrets,
} from "./wasmfaas/host";
export { HttpRequest, HttpResponse } from "./wasmfaas/http";
export { Json, Kind } from "./wasmfaas/json";
export { Level, log } from "./wasmfaas/log";
