//! The probe of the conformance run, in Zig; tests/guest_sdks/test_conformance.py says what it does.

const std = @import("std");
const wasmfaas = @import("wasmfaas");

pub const std_options = wasmfaas.std_options;

var count: u32 = 0;

const Event = struct {
    do: []const u8 = "",
    name: []const u8 = "",
    text: []const u8 = "",
    type: []const u8 = "",
    message: []const u8 = "",
    value: std.json.Value = .null,
};

fn handle(context: *wasmfaas.Context, event: wasmfaas.Json) !wasmfaas.Json {
    count += 1;
    const parsed = try std.json.parseFromSliceLeaky(std.json.Value, context.allocator, event.text, .{});
    if (parsed.object.get("requestContext") != null) {
        return written(context, try respond(context, try parse(wasmfaas.http.Request, context, parsed)));
    }
    return written(context, try answer(context, try parse(Event, context, parsed)));
}

fn parse(comptime T: type, context: *wasmfaas.Context, value: std.json.Value) !T {
    return std.json.parseFromValueLeaky(T, context.allocator, value, .{ .ignore_unknown_fields = true });
}

fn written(context: *wasmfaas.Context, value: anytype) !wasmfaas.Json {
    return .{ .text = try std.json.Stringify.valueAlloc(context.allocator, value, .{}) };
}

fn answer(context: *wasmfaas.Context, event: Event) !wasmfaas.Json {
    const What = enum { environment, time, random, count, context, text, value, fail, panic, exit, log, allocate };
    return switch (std.meta.stringToEnum(What, event.do) orelse return error.BadEvent) {
        .environment => written(context, try context.variable(event.name)),
        .time => written(context, wasmfaas.nowMs()),
        .random => written(context, draw()),
        .count => written(context, count),
        .context => written(context, known(context)),
        .text => written(context, event.text),
        .value => written(context, event.value),
        .fail => context.fail(event.type, "{s}", .{event.message}),
        .panic => @panic(event.message),
        .exit => std.os.wasi.proc_exit(0),
        .log => logged(context),
        .allocate => while (true) {
            @memset(try context.allocator.alloc(u8, 1 << 20), 1);
        },
    };
}

fn draw() struct { secure: [16]u8, pseudo: u32 } {
    var bytes: [8]u8 = undefined;
    wasmfaas.randomBytes(&bytes);
    return .{ .secure = std.fmt.bytesToHex(bytes, .lower), .pseudo = wasmfaas.random().int(u32) };
}

const Known = struct {
    requestId: []const u8,
    functionName: []const u8,
    functionVersion: []const u8,
    invokedFunctionArn: []const u8,
    memoryLimitInMB: u32,
    logGroupName: []const u8,
    logStreamName: []const u8,
    traceId: ?[]const u8,
    remainingMs: i64,
};

fn known(context: *wasmfaas.Context) Known {
    return .{
        .requestId = context.request_id,
        .functionName = context.function_name,
        .functionVersion = context.function_version,
        .invokedFunctionArn = context.invoked_function_arn,
        .memoryLimitInMB = context.memory_limit_mb,
        .logGroupName = context.log_group_name,
        .logStreamName = context.log_stream_name,
        .traceId = context.trace_id,
        .remainingMs = context.remainingMs(),
    };
}

fn logged(context: *wasmfaas.Context) !wasmfaas.Json {
    context.print("one\n", .{});
    std.debug.print("two\n", .{});
    std.log.debug("three", .{});
    std.log.info("four", .{});
    std.log.warn("five", .{});
    std.log.err("six", .{});
    return .{ .text = "null" };
}

fn respond(context: *wasmfaas.Context, request: wasmfaas.http.Request) !wasmfaas.http.Response {
    const bytes = try request.bytes(context.allocator);
    std.mem.reverse(u8, bytes);
    const headers = [_]wasmfaas.http.Header{
        .{ .name = "content-type", .value = "application/octet-stream" },
        .{ .name = "x-method", .value = request.method() },
    };
    return .{ .status = 201, .body = bytes, .headers = try context.allocator.dupe(wasmfaas.http.Header, &headers) };
}

comptime {
    wasmfaas.serve(handle);
}
