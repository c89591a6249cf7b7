// What a test of a function imports from "wasmfaas/testing".

/** Members of an operation of the guest ABI's section 12; bytes are `{ base64: … }` or a string. */
export type Members = Record<string, unknown>;

/**
 * Has *respond* answer what functions ask the host for: given the operation and the request, it
 * returns the answer or throws a HostError. Returns what ends that.
 */
export function answerCalls(respond: (operation: string, request: Members) => Members): () => void;
