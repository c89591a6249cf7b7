const wasmfaas = @import("wasmfaas");

const Answer = struct { event: wasmfaas.Json, context: wasmfaas.Json };

/// Any event -> {"event": the event, "context": the context}, both as they came.
fn handle(context: *wasmfaas.Context, event: wasmfaas.Json) Answer {
    return .{ .event = event, .context = context.json };
}

comptime {
    wasmfaas.serve(handle);
}
