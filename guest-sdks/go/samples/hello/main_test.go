package main

import (
	"context"
	"testing"
)

func TestHello(t *testing.T) {
	name := "Ada"
	answer, err := hello(context.Background(), Event{Name: &name})
	if err != nil || answer.Greeting != "Hello, Ada!" {
		t.Fatal(answer, err)
	}
	if _, err := hello(context.Background(), Event{}); err == nil {
		t.Fatal("greeted nobody")
	}
}
