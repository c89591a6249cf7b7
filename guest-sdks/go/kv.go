package wasmfaas

import (
	"iter"
	"time"
)

// KeyValue is the key-value store, of a namespace; empty is the function's own.
type KeyValue struct{ Namespace string }

// Entry is what is under a key.
type Entry struct {
	// Value is nil for a key that is not there; then Version is 0.
	Value   []byte
	Version int64
	// Expires is zero where it stays.
	Expires time.Time
}

// Key is a key that has a value.
type Key struct {
	Name    string
	Version int64
	Expires time.Time
}

// An Option says under which condition, and for how long, to write.
type Option func(request map[string]any)

// TTL is how long a value is kept.
func TTL(duration time.Duration) Option {
	return func(request map[string]any) { request["ttlMs"] = max(duration.Milliseconds(), 1) }
}

// IfVersion writes only where the key has this version, 0 for "is not there": compare and set.
// Otherwise the error is an *Error of type VersionConflict.
func IfVersion(version int64) Option {
	return func(request map[string]any) { request["ifVersion"] = version }
}

// Get is what is under a key.
func (s KeyValue) Get(key string) (Entry, error) {
	answer, err := s.call("kv.get", map[string]any{"key": key})
	if err != nil {
		return Entry{}, err
	}
	value, _ := answer["value"].([]byte)
	return Entry{Value: value, Version: whole(answer["version"]), Expires: moment(answer["expiresAtMs"])}, nil
}

// Set keeps a value under a key, and returns its version.
func (s KeyValue) Set(key string, value []byte, options ...Option) (version int64, err error) {
	request := map[string]any{"key": key, "value": value}
	for _, option := range options {
		option(request)
	}
	answer, err := s.call("kv.set", request)
	return whole(answer["version"]), err
}

// Delete takes a key away, and tells whether it was there.
func (s KeyValue) Delete(key string, options ...Option) (bool, error) {
	request := map[string]any{"key": key}
	for _, option := range options {
		option(request)
	}
	answer, err := s.call("kv.delete", request)
	deleted, _ := answer["deleted"].(bool)
	return deleted, err
}

// Keys is all keys that begin with prefix, in order, a call for every thousand of them. It ends with
// an error.
func (s KeyValue) Keys(prefix string) iter.Seq2[Key, error] {
	return func(yield func(Key, error) bool) {
		request := map[string]any{"prefix": prefix, "limit": 1000}
		for {
			answer, err := s.call("kv.list", request)
			if err != nil {
				yield(Key{}, err)
				return
			}
			keys, _ := answer["keys"].([]any)
			for _, each := range keys {
				found, _ := each.(map[string]any)
				name, _ := found["key"].(string)
				if !yield(Key{name, whole(found["version"]), moment(found["expiresAtMs"])}, nil) {
					return
				}
			}
			if answer["next"] == nil {
				return
			}
			request["after"] = answer["next"]
		}
	}
}

func (s KeyValue) call(op string, request map[string]any) (map[string]any, error) {
	if s.Namespace != "" {
		request["namespace"] = s.Namespace
	}
	return Call(op, request)
}

func whole(value any) int64 {
	number, _ := value.(int64)
	return number
}

func moment(value any) time.Time {
	if milliseconds, ok := value.(int64); ok {
		return time.UnixMilli(milliseconds)
	}
	return time.Time{}
}
