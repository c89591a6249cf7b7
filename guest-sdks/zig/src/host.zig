//! What the host gives beside the envelopes: clocks, randomness, environment, log.
//! Built for anything but WASI, as for unit tests, clocks stand still and there are no variables.

const std = @import("std");
const builtin = @import("builtin");
const wasi = std.os.wasi;

const is_wasi = builtin.os.tag == .wasi;

/// The wall clock, in milliseconds since 1970.
pub fn nowMs() i64 {
    if (!is_wasi) return 0;
    var nanoseconds: wasi.timestamp_t = 0;
    if (wasi.clock_time_get(.REALTIME, 1_000_000, &nanoseconds) != .SUCCESS) return 0;
    return @intCast(nanoseconds / 1_000_000);
}

/// Fills `buffer` with random bytes that nobody can predict.
pub fn randomBytes(buffer: []u8) void {
    if (!is_wasi) return @memset(buffer, 4);
    if (wasi.random_get(buffer.ptr, buffer.len) != .SUCCESS) @panic("there is no randomness");
}

var generator: std.Random.DefaultPrng = .init(0);

/// A fast generator, seeded anew in every invocation.
pub fn random() std.Random {
    return generator.random();
}

/// Every invocation begins from one image, in which the generator is where it always is.
pub fn seed() void {
    var bytes: [8]u8 = undefined;
    randomBytes(&bytes);
    generator = .init(@bitCast(bytes));
}

/// The value of an environment variable, in the allocator's memory; null where there is none.
pub fn variable(allocator: std.mem.Allocator, name: []const u8) error{OutOfMemory}!?[]const u8 {
    if (!is_wasi) return null;
    var count: usize = 0;
    var size: usize = 0;
    if (wasi.environ_sizes_get(&count, &size) != .SUCCESS) return null;
    const pointers = try allocator.alloc([*:0]u8, count + 1);
    const bytes = try allocator.alloc(u8, size + 1);
    if (wasi.environ_get(pointers.ptr, bytes.ptr) != .SUCCESS) return null;
    for (pointers[0..count]) |pointer| {
        const entry = std.mem.span(pointer);
        const end = std.mem.findScalar(u8, entry, '=') orelse continue;
        if (std.mem.eql(u8, entry[0..end], name)) return entry[end + 1 ..];
    }
    return null;
}

fn write(descriptor: i32, text: []const u8) void {
    if (!is_wasi) return std.debug.print("{s}", .{text});
    var left = text;
    while (left.len > 0) {
        const vector = [1]wasi.ciovec_t{.{ .base = left.ptr, .len = left.len }};
        var written: usize = 0;
        if (wasi.fd_write(descriptor, &vector, 1, &written) != .SUCCESS or written == 0) return;
        left = left[written..];
    }
}

fn printTo(descriptor: i32, allocator: std.mem.Allocator, comptime format: []const u8, arguments: anytype) void {
    const text = std.fmt.allocPrint(allocator, format, arguments) catch return;
    defer allocator.free(text);
    write(descriptor, text);
}

/// Prints to stdout, which is the function's log, too.
pub fn print(allocator: std.mem.Allocator, comptime format: []const u8, arguments: anytype) void {
    printTo(1, allocator, format, arguments);
}

/// Prints to stderr.
pub fn printError(allocator: std.mem.Allocator, comptime format: []const u8, arguments: anytype) void {
    printTo(2, allocator, format, arguments);
}
