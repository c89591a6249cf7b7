package wasmfaas

import (
	"fmt"
	"runtime"
)

// Error is what the caller of the function is told. Any other error is reported by the name of its
// type.
type Error struct {
	Type    string
	Message string
	// Where it came from, the innermost call first.
	StackTrace []string
}

func (e *Error) Error() string { return e.Type + ": " + e.Message }

// Errorf makes an Error of a type, with the calls that lead here.
func Errorf(kind, format string, arguments ...any) *Error {
	return &Error{Type: kind, Message: fmt.Sprintf(format, arguments...), StackTrace: stack(2)}
}

const framesMax = 32

// stack is the calls that lead to the caller's caller, skip of them left out, without ours.
func stack(skip int) []string {
	var counters [framesMax]uintptr
	frames := runtime.CallersFrames(counters[:runtime.Callers(skip+1, counters[:])])
	var lines []string
	for {
		frame, more := frames.Next()
		lines = append(lines, fmt.Sprintf("%s (%s:%d)", frame.Function, frame.File, frame.Line))
		if !more {
			return lines
		}
	}
}
