package wasmfaas

import (
	"log/slog"
	"os"
	"unsafe"
)

// What the host may still write to or read from; the garbage collector must not take it.
var incoming, outgoing []byte

func init() {
	slog.SetDefault(slog.New(NewLogHandler(leastLevel(os.Getenv("AWS_LAMBDA_LOG_LEVEL")))))
}

//go:wasmexport wasmfaas_alloc
func wasmfaasAlloc(size uint32) uint32 {
	outgoing = nil
	if uint32(cap(incoming)) < size || uint32(cap(incoming))/4 > size+4096 {
		incoming = make([]byte, size)
	}
	incoming = incoming[:size]
	return address(incoming)
}

//go:wasmexport wasmfaas_handle
func wasmfaasHandle(_, size uint32) uint64 {
	answer, err := handle(incoming[:size])
	if err != nil {
		panic(err)
	}
	outgoing = answer
	return uint64(address(outgoing))<<32 | uint64(len(outgoing))
}

func address(data []byte) uint32 { return uint32(uintptr(unsafe.Pointer(unsafe.SliceData(data)))) }
