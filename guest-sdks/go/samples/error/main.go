package main

import (
	"context"
	"math"

	wasmfaas "github.com/wasmfaas/wasmfaas/guest-sdks/go"
)

type Event struct {
	Value *float64 `json:"value"`
}

// {"value": 9} -> 3, but {"value": -4} -> an error of type Negative.
func root(ctx context.Context, event Event) (float64, error) {
	if event.Value == nil {
		return 0, wasmfaas.Errorf("BadEvent", `the event needs a number "value"`)
	}
	if *event.Value < 0 {
		return 0, wasmfaas.Errorf("Negative", "%g has no square root here", *event.Value)
	}
	return math.Sqrt(*event.Value), nil
}

func init() { wasmfaas.Start(root) }

func main() {}
