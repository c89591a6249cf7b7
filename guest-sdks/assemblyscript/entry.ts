// What a module exports; asconfig.json puts it beside the program.
import { allocate, handle } from "wasmfaas/function";

export function wasmfaas_alloc(size: i32): usize {
  return allocate(size);
}

export function wasmfaas_handle(request: usize, size: usize): u64 {
  return handle();
}
