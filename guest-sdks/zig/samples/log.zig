const std = @import("std");
const wasmfaas = @import("wasmfaas");

pub const std_options = wasmfaas.std_options;

/// Any event -> how much time was left; says so in the log, too.
fn handle(context: *wasmfaas.Context, _: wasmfaas.Json) !struct { remainingMs: i64 } {
    const remaining_ms = context.remainingMs();
    std.log.info("invocation {s} has {d} ms left", .{ context.request_id, remaining_ms });
    context.print("stdout is the log, too\n", .{});
    return .{ .remainingMs = remaining_ms };
}

comptime {
    wasmfaas.serve(handle);
}
