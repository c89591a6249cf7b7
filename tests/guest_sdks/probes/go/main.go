// The probe of the conformance run, in Go; tests/guest_sdks/test_conformance.py says what it does.
package main

import (
	"context"
	crypto "crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"slices"
	"time"

	wasmfaas "github.com/wasmfaas/wasmfaas/guest-sdks/go"
)

var count int

type Event struct {
	Do             string          `json:"do"`
	Name           string          `json:"name"`
	Key            string          `json:"key"`
	Text           string          `json:"text"`
	Type           string          `json:"type"`
	Message        string          `json:"message"`
	Value          any             `json:"value"`
	RequestContext json.RawMessage `json:"requestContext"`
}

func probe(ctx context.Context, raw json.RawMessage) (any, error) {
	count++
	var event Event
	if err := json.Unmarshal(raw, &event); err != nil {
		return nil, err
	}
	if event.RequestContext != nil {
		return respond(raw)
	}
	switch event.Do {
	case "environment":
		if value, ok := os.LookupEnv(event.Name); ok {
			return value, nil
		}
		return nil, nil
	case "time":
		return time.Now().UnixMilli(), nil
	case "random":
		return map[string]any{"secure": crypto.Text(), "pseudo": rand.Int32()}, nil
	case "count":
		return count, nil
	case "context":
		return known(wasmfaas.FromContext(ctx)), nil
	case "get":
		return get(event.Key)
	case "text":
		return event.Text, nil
	case "value":
		return event.Value, nil
	case "fail":
		return nil, wasmfaas.Errorf(event.Type, "%s", event.Message)
	case "panic":
		count = 0 // a panic is an error like others: the sandbox lives on
		panic(event.Message)
	case "exit":
		os.Exit(0)
	case "log":
		logged()
		return nil, nil
	case "allocate":
		allocate()
	}
	return nil, wasmfaas.Errorf("BadEvent", "nothing to do")
}

func known(invocation *wasmfaas.Invocation) map[string]any {
	return map[string]any{
		"requestId":          invocation.RequestID,
		"functionName":       invocation.FunctionName,
		"functionVersion":    invocation.FunctionVersion,
		"invokedFunctionArn": invocation.InvokedFunctionARN,
		"memoryLimitInMB":    invocation.MemoryLimitInMB,
		"logGroupName":       invocation.LogGroupName,
		"logStreamName":      invocation.LogStreamName,
		"traceId":            invocation.TraceID,
		"remainingMs":        invocation.Remaining().Milliseconds(),
	}
}

func get(key string) (any, error) {
	entry, err := wasmfaas.KeyValue{}.Get(key)
	if err != nil || entry.Value == nil {
		return nil, err
	}
	return string(entry.Value), nil
}

func logged() {
	fmt.Println("one")
	fmt.Fprintln(os.Stderr, "two")
	slog.Debug("three")
	slog.Info("four")
	slog.Warn("five")
	slog.Error("six")
}

func allocate() {
	var kept [][]byte
	for {
		kept = append(kept, make([]byte, 1<<20))
	}
}

func respond(raw json.RawMessage) (any, error) {
	var request wasmfaas.HTTPRequest
	if err := json.Unmarshal(raw, &request); err != nil {
		return nil, err
	}
	slices.Reverse(request.Body)
	headers := map[string]string{"content-type": "application/octet-stream", "x-method": request.Method}
	return wasmfaas.HTTPResponse{Status: 201, Headers: headers, Body: request.Body}, nil
}

func init() { wasmfaas.Start(probe) }

func main() {}
