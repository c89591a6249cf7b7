// What a function imports from "wasmfaas".
export { HostError, call } from "./guest/calls.js";
export { FunctionError, invoke, invokeEvent, kv, secrets } from "./guest/capabilities.js";
export { HttpRequest, binary, html, json, redirect, text } from "./guest/http.js";
