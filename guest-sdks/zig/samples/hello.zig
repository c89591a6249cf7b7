const wasmfaas = @import("wasmfaas");

const Event = struct { name: []const u8 };

/// {"name": "you"} -> {"greeting": "Hello, you!"}
fn handle(context: *wasmfaas.Context, event: Event) !struct { greeting: []const u8 } {
    return .{ .greeting = try context.format("Hello, {s}!", .{event.name}) };
}

comptime {
    wasmfaas.serve(handle);
}

test "hello greets" {
    const std = @import("std");
    var arena: std.heap.ArenaAllocator = .init(std.testing.allocator);
    defer arena.deinit();
    const outcome = try wasmfaas.invoke(handle, arena.allocator(), "{\"name\": \"Ada\"}", "{}");
    try std.testing.expectEqualStrings("{\"greeting\":\"Hello, Ada!\"}", outcome.ok);
    const other = try wasmfaas.invoke(handle, arena.allocator(), "{}", "{}");
    try std.testing.expectEqualStrings("BadEvent", other.failure.type);
}
