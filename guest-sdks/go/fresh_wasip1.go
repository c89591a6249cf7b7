//go:build !wasmfaas_reset

package wasmfaas

// Go seeds the functions of math/rand and math/rand/v2 when a program starts, and has no way to
// seed them again. So by this export every invocation gets an instance that has just started;
// without it, they would repeat.
//
//go:wasmexport wasmfaas_fresh
func wasmfaasFresh() {}
