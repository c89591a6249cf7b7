// What a test of a function imports from "wasmfaas/testing": a host of its own.
import { answerWith } from "./guest/calls.js";

/**
 * Has *respond* answer what functions ask the host for: given the operation and the request, it
 * returns the answer or throws a HostError. Returns what ends that.
 */
export function answerCalls(respond) {
  const before = answerWith((operation, request) => JSON.stringify(respond(operation, JSON.parse(request))));
  return () => answerWith(before);
}
