const wasmfaas = @import("wasmfaas");

const Event = struct { value: f64 };

/// {"value": 9} -> 3, but {"value": -4} -> an error of type Negative.
fn handle(context: *wasmfaas.Context, event: Event) !f64 {
    if (event.value < 0) {
        return context.fail("Negative", "{d} has no square root here", .{event.value});
    }
    return @sqrt(event.value);
}

comptime {
    wasmfaas.serve(handle);
}
