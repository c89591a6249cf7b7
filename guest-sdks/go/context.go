package wasmfaas

import (
	"context"
	"encoding/json"
	"strconv"
	"time"
)

// Invocation is what Lambda's context objects have.
type Invocation struct {
	RequestID          string
	Deadline           time.Time
	FunctionName       string
	FunctionVersion    string
	InvokedFunctionARN string
	MemoryLimitInMB    int
	LogGroupName       string
	LogStreamName      string
	// TraceID is empty where there is none.
	TraceID string
	// ClientContext and Raw, which is all of it, are JSON.
	ClientContext json.RawMessage
	Raw           json.RawMessage
}

// Remaining is the time until the invocation is ended, at least 0.
func (i *Invocation) Remaining() time.Duration { return max(time.Until(i.Deadline), 0) }

type key struct{}

// FromContext is the invocation of a handler's context; nil where there is none.
func FromContext(ctx context.Context) *Invocation {
	invocation, _ := ctx.Value(key{}).(*Invocation)
	return invocation
}

// NewContext is a context for a handler that a unit test calls.
func NewContext(ctx context.Context, invocation *Invocation) context.Context {
	return context.WithValue(ctx, key{}, invocation)
}

// contextOf is the context of a JSON text, section 3 of the ABI; it has the deadline.
func contextOf(text []byte) (context.Context, context.CancelFunc, error) {
	var fields struct {
		RequestID          string          `json:"requestId"`
		DeadlineMs         string          `json:"deadlineMs"`
		FunctionName       string          `json:"functionName"`
		FunctionVersion    string          `json:"functionVersion"`
		InvokedFunctionARN string          `json:"invokedFunctionArn"`
		MemoryLimitInMB    string          `json:"memoryLimitInMB"`
		LogGroupName       string          `json:"logGroupName"`
		LogStreamName      string          `json:"logStreamName"`
		ClientContext      json.RawMessage `json:"clientContext"`
		TraceID            string          `json:"traceId"`
	}
	if err := json.Unmarshal(text, &fields); err != nil {
		return nil, nil, err
	}
	milliseconds, _ := strconv.ParseInt(fields.DeadlineMs, 10, 64)
	memory, _ := strconv.Atoi(fields.MemoryLimitInMB)
	invocation := &Invocation{
		RequestID:          fields.RequestID,
		Deadline:           time.UnixMilli(milliseconds),
		FunctionName:       fields.FunctionName,
		FunctionVersion:    fields.FunctionVersion,
		InvokedFunctionARN: fields.InvokedFunctionARN,
		MemoryLimitInMB:    memory,
		LogGroupName:       fields.LogGroupName,
		LogStreamName:      fields.LogStreamName,
		TraceID:            fields.TraceID,
		ClientContext:      fields.ClientContext,
		Raw:                text,
	}
	ctx, cancel := context.WithDeadline(context.Background(), invocation.Deadline)
	return NewContext(ctx, invocation), cancel, nil
}
