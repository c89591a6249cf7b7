//! The msgpack of request and answer envelopes, section 5 of the ABI.

const std = @import("std");
const Allocator = std.mem.Allocator;

/// One invocation: both are JSON texts, parts of the envelope.
pub const Request = struct { event: []const u8, context: []const u8 };

/// What a handler reports to its caller.
pub const Failure = struct { type: []const u8, message: []const u8 };

/// How an invocation ended: with JSON text, or a failure.
pub const Outcome = union(enum) { ok: []const u8, failure: Failure };

const Broken = error{BrokenEnvelope};

/// One value without what is nested in it.
const Token = struct {
    tag: u8,
    payload: []const u8,
    /// How many values belong to it that follow.
    inside: u64,
};

const Reader = struct {
    left: []const u8,

    fn take(self: *Reader, size: u64) Broken![]const u8 {
        if (size > self.left.len) return error.BrokenEnvelope;
        const taken = self.left[0..@intCast(size)];
        self.left = self.left[@intCast(size)..];
        return taken;
    }

    fn number(self: *Reader, width: u64) Broken!u64 {
        var value: u64 = 0;
        for (try self.take(width)) |byte| value = value << 8 | byte;
        return value;
    }

    fn next(self: *Reader) Broken!Token {
        const tag = (try self.take(1))[0];
        var inside: u64 = 0;
        const size: u64 = switch (tag) {
            0x80...0x8F => blk: {
                inside = 2 * @as(u64, tag & 0x0F);
                break :blk 0;
            },
            0x90...0x9F => blk: {
                inside = tag & 0x0F;
                break :blk 0;
            },
            0xA0...0xBF => tag & 0x1F,
            0xC4, 0xD9 => try self.number(1),
            0xC5, 0xDA => try self.number(2),
            0xC6, 0xDB => try self.number(4),
            0xC7 => 1 + try self.number(1),
            0xC8 => 1 + try self.number(2),
            0xC9 => 1 + try self.number(4),
            0xCA, 0xCE, 0xD2 => 4,
            0xCB, 0xCF, 0xD3 => 8,
            0xCC, 0xD0 => 1,
            0xCD, 0xD1, 0xD4 => 2,
            0xD5 => 3,
            0xD6 => 5,
            0xD7 => 9,
            0xD8 => 17,
            0xDC, 0xDD => blk: {
                inside = try self.number(if (tag == 0xDC) 2 else 4);
                break :blk 0;
            },
            0xDE, 0xDF => blk: {
                inside = 2 * try self.number(if (tag == 0xDE) 2 else 4);
                break :blk 0;
            },
            else => 0,
        };
        return .{ .tag = tag, .payload = try self.take(size), .inside = inside };
    }
};

/// Reads a request envelope; keys that we do not know are skipped.
pub fn read(data: []const u8) Broken!Request {
    var reader: Reader = .{ .left = data };
    const map = try reader.next();
    if (map.tag & 0xF0 != 0x80 and map.tag != 0xDE and map.tag != 0xDF) return error.BrokenEnvelope;
    var event: ?[]const u8 = null;
    var context: ?[]const u8 = null;
    var members = map.inside / 2;
    while (members > 0) : (members -= 1) {
        const key = try reader.next();
        const value = try reader.next();
        if (key.inside > 0) return error.BrokenEnvelope;
        if (std.mem.eql(u8, key.payload, "event")) event = value.payload;
        if (std.mem.eql(u8, key.payload, "context")) context = value.payload;
        var left = value.inside;
        while (left > 0) : (left -= 1) left += (try reader.next()).inside;
    }
    if (reader.left.len > 0) return error.BrokenEnvelope;
    return .{
        .event = event orelse return error.BrokenEnvelope,
        .context = context orelse return error.BrokenEnvelope,
    };
}

fn text(writer: *std.Io.Writer, value: []const u8) !void {
    try writer.writeByte(0xDB);
    try writer.writeInt(u32, @intCast(value.len), .big);
    try writer.writeAll(value);
}

/// Writes an answer envelope. Text that is not UTF-8 gets U+FFFD for what is not.
pub fn write(allocator: Allocator, writer: *std.Io.Writer, outcome: Outcome) !void {
    switch (outcome) {
        .ok => |json| {
            try writer.writeAll("\x81\xA2ok\xC6");
            try writer.writeInt(u32, @intCast(json.len), .big);
            try writer.writeAll(json);
        },
        .failure => |failure| {
            try writer.writeAll("\x81\xA5error\x82\xA9errorType");
            try text(writer, try clean(allocator, failure.type));
            try writer.writeAll("\xACerrorMessage");
            try text(writer, try clean(allocator, failure.message));
        },
    }
}

fn clean(allocator: Allocator, value: []const u8) ![]const u8 {
    if (std.unicode.utf8ValidateSlice(value)) return value;
    return std.fmt.allocPrint(allocator, "{f}", .{std.unicode.fmtUtf8(value)});
}

test "an envelope in the widest lengths, with unknown keys" {
    const request = try read("\xdf\x00\x00\x00\x03" ++ "\xd9\x05extra" ++ "\x92\x81\xa1k\x07\xc0" ++
        "\xda\x00\x07context\xc6\x00\x00\x00\x02{}" ++ "\xa5event\xc4\x01" ++ "1");
    try std.testing.expectEqualStrings("1", request.event);
    try std.testing.expectEqualStrings("{}", request.context);
}

test "what is no envelope" {
    const broken = [_][]const u8{
        "", "\x80", "\xc0", "\x81\xa5event\xc4\x02{}", "\x82\xa5event\xc4\xff{}", "\xdf\xff\xff\xff\xff",
    };
    for (broken) |data| try std.testing.expectError(error.BrokenEnvelope, read(data));
}
