package main

import (
	"context"
	"encoding/json"

	wasmfaas "github.com/wasmfaas/wasmfaas/guest-sdks/go"
)

type Answer struct {
	Event   json.RawMessage `json:"event"`
	Context json.RawMessage `json:"context"`
}

// Any event -> {"event": the event, "context": the context}, both as they came.
func echo(ctx context.Context, event json.RawMessage) (Answer, error) {
	return Answer{Event: event, Context: wasmfaas.FromContext(ctx).Raw}, nil
}

func init() { wasmfaas.Start(echo) }

func main() {}
