// What a function imports from "wasmfaas".
export { HttpRequest, binary, html, json, redirect, text } from "./guest/http.js";
