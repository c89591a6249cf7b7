package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"

	wasmfaas "github.com/wasmfaas/wasmfaas/guest-sdks/go"
)

type Answer struct {
	RemainingMs int64 `json:"remainingMs"`
}

// Any event -> how much time was left; says so in the log, too.
func log(ctx context.Context, event json.RawMessage) (Answer, error) {
	invocation := wasmfaas.FromContext(ctx)
	remaining := invocation.Remaining().Milliseconds()
	slog.Info(fmt.Sprintf("invocation %s has %d ms left", invocation.RequestID, remaining))
	fmt.Println("stdout is the log, too")
	return Answer{RemainingMs: remaining}, nil
}

func init() { wasmfaas.Start(log) }

func main() {}
