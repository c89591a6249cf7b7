module probe

go 1.24

require github.com/wasmfaas/wasmfaas/guest-sdks/go v0.1.0

replace github.com/wasmfaas/wasmfaas/guest-sdks/go => ../../../../guest-sdks/go
