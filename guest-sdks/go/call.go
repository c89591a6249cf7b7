package wasmfaas

import (
	"encoding/json"
)

// host answers calls; a unit test can put another one here with SetHost.
var host func(op string, request map[string]any) (map[string]any, error)

// SetHost makes Call, and all that stands on it, ask answer instead of the host; for unit tests. It
// returns what undoes that.
func SetHost(answer func(op string, request map[string]any) (map[string]any, error)) (undo func()) {
	before := host
	host = answer
	return func() { host = before }
}

// Call asks the host for an operation, section 12 of the ABI. What a request holds are nil, bool,
// int, int64, string, []byte, []any and map[string]any; an answer has int64 for whole numbers. What
// the host refuses is an *Error of the type that the ABI lists, such as AccessDenied. Outside of a
// sandbox, it is Unavailable.
func Call(op string, request map[string]any) (map[string]any, error) {
	if host != nil {
		return host(op, request)
	}
	data, err := packed(nil, request)
	if err != nil {
		return nil, err
	}
	ok, data := ask(op, data)
	r := reader{data}
	value, _ := r.unpack(0)
	answer, isMap := value.(map[string]any)
	if !isMap {
		return nil, &Error{Type: "Unavailable", Message: "there is no host to answer this"}
	}
	if !ok {
		kind, _ := answer["errorType"].(string)
		message, _ := answer["errorMessage"].(string)
		return nil, &Error{Type: kind, Message: message, StackTrace: stack(2)}
	}
	return answer, nil
}

// Secret is the value of a secret that the function's permissions name.
func Secret(name string) ([]byte, error) {
	answer, err := Call("secrets.get", map[string]any{"name": name})
	if err != nil {
		return nil, err
	}
	value, _ := answer["value"].([]byte)
	return value, nil
}

// InvokeFunction invokes a function, by name, name:qualifier or ARN, with an event that
// encoding/json writes, and reads what it answers into answer, a pointer. Where the function fails,
// the error is an *Error of its type and message.
func InvokeFunction(function string, event, answer any) error {
	told, err := invoked(function, event, "RequestResponse")
	if err != nil {
		return err
	}
	payload, _ := told["payload"].([]byte)
	if told["functionError"] == nil {
		return json.Unmarshal(payload, answer)
	}
	failed := struct{ ErrorType, ErrorMessage string }{"Unhandled", string(payload)}
	_ = json.Unmarshal(payload, &failed)
	return &Error{Type: failed.ErrorType, Message: failed.ErrorMessage, StackTrace: stack(2)}
}

// InvokeEvent leaves an event for a function and does not wait; it returns the id of the request.
func InvokeEvent(function string, event any) (requestID string, err error) {
	told, err := invoked(function, event, "Event")
	if err != nil {
		return "", err
	}
	requestID, _ = told["requestId"].(string)
	return requestID, nil
}

func invoked(function string, event any, kind string) (map[string]any, error) {
	payload, err := json.Marshal(event)
	if err != nil {
		return nil, err
	}
	return Call("invoke", map[string]any{"function": function, "payload": payload, "type": kind})
}
