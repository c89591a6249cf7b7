const std = @import("std");

/// Makes a function of the Zig file at `source`, installed as `bin/NAME.wasm`: for the build.zig of
/// whoever depends on this package.
pub fn addFunction(b: *std.Build, wasmfaas: *std.Build.Module, name: []const u8, source: std.Build.LazyPath) *std.Build.Step.Compile {
    const target = b.resolveTargetQuery(.{ .cpu_arch = .wasm32, .os_tag = .wasi });
    const function = b.addExecutable(.{
        .name = name,
        .root_module = b.createModule(.{
            .root_source_file = source,
            .target = target,
            .optimize = .ReleaseSmall,
            .imports = &.{.{ .name = "wasmfaas", .module = wasmfaas }},
        }),
    });
    function.entry = .disabled;
    function.rdynamic = true;
    function.wasi_exec_model = .reactor;
    function.stack_size = 256 * 1024;
    return function;
}

pub fn build(b: *std.Build) void {
    const module = b.addModule("wasmfaas", .{ .root_source_file = b.path("src/wasmfaas.zig") });
    for ([_][]const u8{ "hello", "echo", "error", "log" }) |name| {
        const source = b.path(b.fmt("samples/{s}.zig", .{name}));
        b.installArtifact(addFunction(b, module, name, source));
    }
    const test_step = b.step("test", "Run the tests on this machine");
    for ([_][]const u8{ "src/wasmfaas.zig", "samples/hello.zig" }) |path| {
        const tests = b.addTest(.{ .root_module = b.createModule(.{
            .root_source_file = b.path(path),
            .target = b.graph.host,
            .imports = &.{.{ .name = "wasmfaas", .module = module }},
        }) });
        test_step.dependOn(&b.addRunArtifact(tests).step);
    }
}
