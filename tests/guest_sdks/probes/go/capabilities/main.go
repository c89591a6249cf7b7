// What the host does for functions in Go; tests/guest_sdks/test_go_capabilities.py says what of.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	wasmfaas "github.com/wasmfaas/wasmfaas/guest-sdks/go"
	_ "github.com/wasmfaas/wasmfaas/guest-sdks/go/fetch"
)

type Event struct {
	Do, URL, Method, Body, Name string
	Event                       any
	TimeoutMs                   int
}

func handle(ctx context.Context, event Event) (any, error) {
	switch event.Do {
	case "http":
		return overHTTP(ctx, event)
	case "fetch":
		return wasmfaas.Fetch(ctx, wasmfaas.FetchRequest{URL: event.URL, Redirect: "manual"})
	case "visit":
		return visit()
	case "keys":
		return keys()
	case "invoke":
		var answer any
		err := wasmfaas.InvokeFunction(event.Name, event.Event, &answer)
		return answer, err
	case "invokeEvent":
		return wasmfaas.InvokeEvent(event.Name, event.Event)
	case "secret":
		value, err := wasmfaas.Secret(event.Name)
		return string(value), err
	}
	return nil, wasmfaas.Errorf("BadEvent", "nothing to do")
}

// overHTTP knows nothing of wasmfaas.
func overHTTP(ctx context.Context, event Event) (any, error) {
	if event.TimeoutMs > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(event.TimeoutMs)*time.Millisecond)
		defer cancel()
	}
	request, err := http.NewRequestWithContext(ctx, event.Method, event.URL, strings.NewReader(event.Body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("X-Mine", "m")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return map[string]any{
		"status": response.StatusCode, "url": response.Request.URL.String(), "body": string(body),
		"cookies": len(response.Cookies()),
	}, err
}

// visit counts with compare and set.
func visit() (any, error) {
	var store wasmfaas.KeyValue
	entry, err := store.Get("visits")
	if err != nil {
		return nil, err
	}
	var count int
	_ = json.Unmarshal(entry.Value, &count)
	text, _ := json.Marshal(count + 1)
	if _, err := store.Set("visits", text, wasmfaas.IfVersion(entry.Version)); err != nil {
		return nil, err
	}
	var conflict *wasmfaas.Error
	_, err = store.Set("visits", nil, wasmfaas.IfVersion(entry.Version))
	if !errors.As(err, &conflict) || conflict.Type != "VersionConflict" {
		return nil, wasmfaas.Errorf("Odd", "an old version is good enough: %v", err)
	}
	return count + 1, nil
}

func keys() (any, error) {
	store := wasmfaas.KeyValue{}
	if _, err := store.Set("short", []byte("\xff"), wasmfaas.TTL(time.Hour)); err != nil {
		return nil, err
	}
	kept, err := store.Get("short")
	if err != nil {
		return nil, err
	}
	var names []string
	for key, err := range store.Keys("") {
		if err != nil {
			return nil, err
		}
		names = append(names, key.Name)
	}
	first, err := store.Delete("short")
	if err != nil {
		return nil, err
	}
	second, err := store.Delete("short")
	left := time.Until(kept.Expires)
	return map[string]any{
		"names": names, "bytes": len(kept.Value), "deleted": []bool{first, second},
		"expires": left > 0 && left <= time.Hour,
	}, err
}

func init() { wasmfaas.Start(handle) }

func main() {}
