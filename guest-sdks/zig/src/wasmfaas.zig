//! Write a wasmfaas function in Zig. ABI version 1, see guest-sdks/README.md.
//!
//!     const wasmfaas = @import("wasmfaas");
//!
//!     const Event = struct { name: []const u8 };
//!
//!     fn handle(context: *wasmfaas.Context, event: Event) !struct { greeting: []const u8 } {
//!         return .{ .greeting = try context.format("Hello, {s}!", .{event.name}) };
//!     }
//!
//!     comptime {
//!         wasmfaas.serve(handle);
//!     }

const std = @import("std");
const builtin = @import("builtin");
const Allocator = std.mem.Allocator;

const envelope = @import("envelope.zig");
pub const http = @import("http.zig");
const host = @import("host.zig");

pub const Failure = envelope.Failure;
pub const Outcome = envelope.Outcome;
pub const nowMs = host.nowMs;
pub const random = host.random;
pub const randomBytes = host.randomBytes;

/// JSON text as it is: as an event it is not parsed, in an answer it is not quoted.
pub const Json = struct {
    text: []const u8,

    pub fn jsonStringify(self: Json, json: anytype) !void {
        try json.print("{s}", .{self.text});
    }
};

/// What Lambda's context objects have.
const Fields = struct {
    requestId: []const u8 = "",
    deadlineMs: []const u8 = "0",
    functionName: []const u8 = "",
    functionVersion: []const u8 = "",
    invokedFunctionArn: []const u8 = "",
    memoryLimitInMB: []const u8 = "0",
    logGroupName: []const u8 = "",
    logStreamName: []const u8 = "",
    clientContext: std.json.Value = .null,
    identity: std.json.Value = .null,
    traceId: ?[]const u8 = null,
};

/// One invocation beside its event. Lives until the handler returns.
pub const Context = struct {
    /// Memory that is freed when the invocation is over.
    allocator: Allocator,
    request_id: []const u8,
    /// Milliseconds since 1970 at which the invocation is ended.
    deadline_ms: i64,
    function_name: []const u8,
    function_version: []const u8,
    invoked_function_arn: []const u8,
    memory_limit_mb: u32,
    log_group_name: []const u8,
    log_stream_name: []const u8,
    client_context: std.json.Value,
    trace_id: ?[]const u8,
    /// All of it, as JSON.
    json: Json,
    failure: ?Failure = null,

    fn init(allocator: Allocator, text: []const u8) !Context {
        const fields = try std.json.parseFromSliceLeaky(Fields, allocator, text, parsing);
        return .{
            .allocator = allocator,
            .request_id = fields.requestId,
            .deadline_ms = try std.fmt.parseInt(i64, fields.deadlineMs, 10),
            .function_name = fields.functionName,
            .function_version = fields.functionVersion,
            .invoked_function_arn = fields.invokedFunctionArn,
            .memory_limit_mb = try std.fmt.parseInt(u32, fields.memoryLimitInMB, 10),
            .log_group_name = fields.logGroupName,
            .log_stream_name = fields.logStreamName,
            .client_context = fields.clientContext,
            .trace_id = fields.traceId,
            .json = .{ .text = text },
        };
    }

    /// Milliseconds until the invocation is ended, at least 0.
    pub fn remainingMs(self: *const Context) i64 {
        return @max(self.deadline_ms - nowMs(), 0);
    }

    /// Text that lives as long as the invocation.
    pub fn format(self: *Context, comptime text: []const u8, arguments: anytype) ![]const u8 {
        return std.fmt.allocPrint(self.allocator, text, arguments);
    }

    /// `return context.fail("NotFound", "no city {s}", .{name});` answers with that error.
    pub fn fail(self: *Context, kind: []const u8, comptime text: []const u8, arguments: anytype) anyerror {
        self.failure = .{ .type = kind, .message = try self.format(text, arguments) };
        return error.Reported;
    }

    /// The value of an environment variable; null where there is none.
    pub fn variable(self: *Context, name: []const u8) !?[]const u8 {
        return host.variable(self.allocator, name);
    }

    /// Prints to stdout, which is the function's log, too.
    pub fn print(self: *Context, comptime text: []const u8, arguments: anytype) void {
        host.print(self.allocator, text, arguments);
    }
};

const parsing: std.json.ParseOptions = .{ .ignore_unknown_fields = true };

/// Put `pub const std_options = wasmfaas.std_options;` into the root file, and std.log writes lines
/// of the function's log.
pub const std_options: std.Options = .{ .log_level = .debug, .logFn = log };

fn log(
    comptime level: std.log.Level,
    comptime scope: @EnumLiteral(),
    comptime format: []const u8,
    arguments: anytype,
) void {
    const names = .{ .debug = "DEBUG", .info = "INFO", .warn = "WARN", .err = "ERROR" };
    if (!isLogged(level)) return;
    const prefix = "[" ++ @field(names, @tagName(level)) ++ "] " ++
        if (scope == .default) "" else "(" ++ @tagName(scope) ++ ") ";
    host.printError(memory, prefix ++ format ++ "\n", arguments);
}

/// Whether the variable AWS_LAMBDA_LOG_LEVEL wants lines of `level`; from INFO on without it.
fn isLogged(level: std.log.Level) bool {
    const order = .{ "ERROR", "WARN", "INFO", "DEBUG" };
    var arena: std.heap.ArenaAllocator = .init(memory);
    defer arena.deinit();
    const least = host.variable(arena.allocator(), "AWS_LAMBDA_LOG_LEVEL") catch null orelse "INFO";
    if (std.mem.eql(u8, least, "TRACE")) return true;
    if (std.mem.eql(u8, least, "FATAL")) return false;
    inline for (order, [_]std.log.Level{ .err, .warn, .info, .debug }) |name, each| {
        if (level == each) return true;
        if (std.mem.eql(u8, least, name)) return false;
    }
    return true;
}

/// Runs `handler` on an event and a context, both JSON text; for unit tests, too. What it returns
/// lives as long as `allocator`, which is best an arena's.
pub fn invoke(comptime handler: anytype, allocator: Allocator, event: []const u8, context: []const u8) !Outcome {
    var known = try Context.init(allocator, context);
    const Event = @typeInfo(@TypeOf(handler)).@"fn".param_types[1].?;
    const parsed = parse(Event, allocator, event) catch |err| switch (err) {
        error.OutOfMemory => return error.OutOfMemory,
        else => return .{ .failure = .{ .type = "BadEvent", .message = try known.format("the event is not {s} ({s})", .{ expected(Event), @errorName(err) }) } },
    };
    const answer = @as(anyerror!Payload(@TypeOf(handler)), handler(&known, parsed)) catch |err| {
        if (err == error.OutOfMemory) return error.OutOfMemory;
        if (err == error.Reported) if (known.failure) |failure| return .{ .failure = failure };
        return .{ .failure = .{ .type = @errorName(err), .message = "the handler returned this error" } };
    };
    return .{ .ok = try std.json.Stringify.valueAlloc(allocator, answer, .{}) };
}

fn Payload(comptime Handler: type) type {
    const Return = @typeInfo(Handler).@"fn".return_type.?;
    return switch (@typeInfo(Return)) {
        .error_union => |either| either.payload,
        else => Return,
    };
}

fn parse(comptime Event: type, allocator: Allocator, text: []const u8) !Event {
    if (Event == Json) return .{ .text = text };
    return std.json.parseFromSliceLeaky(Event, allocator, text, parsing);
}

/// What an event has to be, in words.
fn expected(comptime Event: type) []const u8 {
    switch (@typeInfo(Event)) {
        .@"struct" => {
            comptime var words: []const u8 = "";
            inline for (comptime std.meta.fieldNames(Event)) |name| words = words ++ (if (words.len > 0) ", " else "") ++ name;
            return "an object of " ++ words;
        },
        else => return "JSON of the type " ++ @typeName(Event),
    }
}

const memory = if (builtin.cpu.arch.isWasm()) std.heap.wasm_allocator else std.heap.page_allocator;

/// Bytes of events, and of all that an invocation allocates, for which there is room from the start.
const warm_bytes = 16 * 1024;

/// Exports `handler`, which takes a `*Context` and an event of any type that std.json parses, and
/// returns anything that std.json writes, or an error. Where the root file has `pub fn init() void`,
/// that runs once per sandbox, before the snapshot that invocations start from.
pub fn serve(comptime handler: anytype) void {
    if (!builtin.cpu.arch.isWasm()) return; // unit tests call `invoke`
    const Exports = struct {
        var incoming: []u8 = &.{};
        var arena: std.heap.ArenaAllocator = .init(memory);

        fn start() callconv(.c) void {
            _ = reserve(warm_bytes);
            _ = arena.allocator().alloc(u8, warm_bytes) catch @trap();
            if (@hasDecl(@import("root"), "init")) @import("root").init();
        }

        fn reserve(size: usize) callconv(.c) ?[*]u8 {
            if (size > incoming.len) {
                memory.free(incoming);
                incoming = &.{};
                incoming = memory.alloc(u8, size + size / 2) catch memory.alloc(u8, size) catch return null;
            }
            return incoming.ptr;
        }

        fn handle(data: [*]const u8, size: usize) callconv(.c) u64 {
            host.seed();
            _ = arena.reset(.retain_capacity);
            return answer(data[0..size]) catch @trap(); // the host says that memory ran out
        }

        fn answer(data: []const u8) !u64 {
            const allocator = arena.allocator();
            const request = try envelope.read(data);
            const outcome = try invoke(handler, allocator, request.event, request.context);
            var out: std.Io.Writer.Allocating = .init(allocator);
            try envelope.write(allocator, &out.writer, outcome);
            const written = out.written();
            return @as(u64, @intFromPtr(written.ptr)) << 32 | written.len;
        }
    };
    @export(&Exports.start, .{ .name = "_initialize" });
    @export(&Exports.reserve, .{ .name = "wasmfaas_alloc" });
    @export(&Exports.handle, .{ .name = "wasmfaas_handle" });
}

test {
    _ = envelope;
    _ = http;
}
