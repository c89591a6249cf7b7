//! Requests and responses of function URLs.

const std = @import("std");
const Allocator = std.mem.Allocator;

/// The event of a function URL, as far as handlers need it; take it as the handler's event.
pub const Request = struct {
    rawPath: []const u8 = "/",
    rawQueryString: []const u8 = "",
    headers: std.json.ArrayHashMap([]const u8) = .{},
    queryStringParameters: std.json.ArrayHashMap([]const u8) = .{},
    cookies: []const []const u8 = &.{},
    requestContext: struct {
        http: struct { method: []const u8 = "GET", path: []const u8 = "/", sourceIp: []const u8 = "" } = .{},
    } = .{},
    body: ?[]const u8 = null,
    isBase64Encoded: bool = false,

    pub fn method(self: Request) []const u8 {
        return self.requestContext.http.method;
    }

    /// A header, its name in small letters.
    pub fn header(self: Request, name: []const u8) ?[]const u8 {
        return self.headers.map.get(name);
    }

    /// The body's bytes; empty where there is none.
    pub fn bytes(self: Request, allocator: Allocator) ![]u8 {
        const body = self.body orelse "";
        if (!self.isBase64Encoded) return allocator.dupe(u8, body);
        const decoder = std.base64.standard.Decoder;
        const plain = try allocator.alloc(u8, try decoder.calcSizeForSlice(body));
        try decoder.decode(plain, body);
        return plain;
    }
};

pub const Header = struct { name: []const u8, value: []const u8 };

/// An answer to a function URL; return it from the handler. The body may be any bytes.
pub const Response = struct {
    status: u16 = 200,
    headers: []const Header = &.{},
    cookies: []const []const u8 = &.{},
    body: []const u8 = "",

    pub fn jsonStringify(self: Response, json: anytype) !void {
        const is_text = std.unicode.utf8ValidateSlice(self.body);
        try json.beginObject();
        try json.objectField("statusCode");
        try json.write(self.status);
        try json.objectField("headers");
        try json.beginObject();
        for (self.headers) |header| {
            try json.objectField(header.name);
            try json.write(header.value);
        }
        try json.endObject();
        if (self.cookies.len > 0) {
            try json.objectField("cookies");
            try json.write(self.cookies);
        }
        try json.objectField("isBase64Encoded");
        try json.write(!is_text);
        try json.objectField("body");
        if (is_text) try json.write(self.body) else try json.print("\"{b64}\"", .{self.body});
        try json.endObject();
    }
};
