package main

import (
	"context"

	wasmfaas "github.com/wasmfaas/wasmfaas/guest-sdks/go"
)

type Event struct {
	Name *string `json:"name"`
}

type Answer struct {
	Greeting string `json:"greeting"`
}

// {"name": "you"} -> {"greeting": "Hello, you!"}
func hello(ctx context.Context, event Event) (Answer, error) {
	if event.Name == nil {
		return Answer{}, wasmfaas.Errorf("BadEvent", `the event needs a string "name"`)
	}
	return Answer{Greeting: "Hello, " + *event.Name + "!"}, nil
}

func init() { wasmfaas.Start(hello) }

func main() {}
