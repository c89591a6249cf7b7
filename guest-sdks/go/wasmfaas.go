// Package wasmfaas makes wasmfaas functions of Go functions. ABI version 1, see
// guest-sdks/README.md.
//
//	func hello(ctx context.Context, event Event) (Answer, error) {
//		return Answer{Greeting: "Hello, " + event.Name + "!"}, nil
//	}
//
//	func init() { wasmfaas.Start(hello) }
//
//	func main() {}
package wasmfaas

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
)

// A Handler takes an event of any type that encoding/json reads and answers with any that it
// writes. json.RawMessage, in either place, is JSON text as it is.
type Handler[Event, Answer any] func(ctx context.Context, event Event) (Answer, error)

// start runs the handler on an event, JSON text; set by Start.
var start func(ctx context.Context, event []byte) ([]byte, error)

// Start makes handler the function. Call it in an init function: main does not run.
func Start[Event, Answer any](handler Handler[Event, Answer]) {
	start = func(ctx context.Context, event []byte) ([]byte, error) {
		return Invoke(ctx, handler, event)
	}
}

// Invoke runs handler on an event, JSON text, and returns the answer, JSON text; for unit tests,
// too. A panic of the handler is an error.
func Invoke[Event, Answer any](
	ctx context.Context, handler Handler[Event, Answer], event []byte,
) (answer []byte, err error) {
	defer func() {
		if value := recover(); value != nil {
			answer, err = nil, panicked(value)
		}
	}()
	var parsed Event
	if err := json.Unmarshal(event, &parsed); err != nil {
		return nil, &Error{Type: "BadEvent", Message: err.Error()}
	}
	result, err := handler(ctx, parsed)
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(result); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(text.Bytes(), []byte("\n")), nil
}

// handle answers a request envelope with an answer envelope.
func handle(data []byte) ([]byte, error) {
	request, err := readRequest(data)
	if err != nil {
		return nil, err
	}
	if start == nil {
		return failure(Errorf("Unhandled", "no handler: call wasmfaas.Start in an init function")), nil
	}
	ctx, cancel, err := contextOf(request.context)
	if err != nil {
		return nil, err
	}
	defer cancel()
	answer, err := start(ctx, request.event)
	if err != nil {
		return failure(reported(err)), nil
	}
	return success(answer), nil
}

// reported is err as the caller is told of it: an *Error as it is, of any other its type's name.
func reported(err error) *Error {
	var own *Error
	if errors.As(err, &own) {
		return own
	}
	kind := reflect.TypeOf(err)
	if kind.Kind() == reflect.Pointer {
		kind = kind.Elem()
	}
	return &Error{Type: kind.Name(), Message: err.Error()}
}

func panicked(value any) *Error {
	kind := "panic"
	if err, ok := value.(error); ok {
		kind = reflect.TypeOf(err).String()
	}
	return &Error{Type: kind, Message: fmt.Sprint(value), StackTrace: stack(3)}
}
