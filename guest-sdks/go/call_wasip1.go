package wasmfaas

import (
	"sync"
	"unsafe"
)

//go:wasmimport wasmfaas call
func hostCall(op unsafe.Pointer, opSize uint32, request unsafe.Pointer, requestSize uint32) uint64

//go:wasmimport wasmfaas take
func hostTake(data unsafe.Pointer, size uint32) uint32

// Between a call and taking its answer there must be no other call.
var calling sync.Mutex

// ask returns whether the host answered or refused, and what it said; nil where there is no host.
func ask(op string, request []byte) (ok bool, answer []byte) {
	calling.Lock()
	defer calling.Unlock()
	called := hostCall(
		unsafe.Pointer(unsafe.StringData(op)), uint32(len(op)),
		unsafe.Pointer(unsafe.SliceData(request)), uint32(len(request)),
	)
	answer = make([]byte, uint32(called))
	taken := hostTake(unsafe.Pointer(unsafe.SliceData(answer)), uint32(len(answer)))
	if taken == 0 || taken != uint32(len(answer)) {
		return false, nil
	}
	return called>>32 == 0, answer
}
