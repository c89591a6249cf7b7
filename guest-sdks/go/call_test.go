package wasmfaas

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"time"
)

func TestValuesSurvivePacking(t *testing.T) {
	value := map[string]any{
		"nil": nil, "yes": true, "no": false, "one": int64(1), "less": int64(-1 << 40),
		"text": "ä\x00", "bytes": []byte("\xff"), "list": []any{int64(2), []any{}, map[string]any{}},
	}
	data, err := packed(nil, value)
	if err != nil {
		t.Fatal(err)
	}
	r := reader{data}
	if read, err := r.unpack(0); err != nil || !reflect.DeepEqual(read, value) {
		t.Error(read, err)
	}
	if _, err := packed(nil, []any{struct{}{}}); err == nil {
		t.Error("packed what is nothing")
	}
}

func TestEveryWidthIsRead(t *testing.T) {
	for data, expected := range map[string]any{
		"\x07": int64(7), "\xff": int64(-1), "\xcc\xff": int64(255), "\xd0\xff": int64(-1),
		"\xd1\xff\xfe": int64(-2), "\xcd\x01\x00": int64(256), "\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00": 1.5,
		"\xca\x3f\xc0\x00\x00": 1.5, "\xa1a": "a", "\xd9\x01a": "a", "\xc5\x00\x01a": []byte("a"),
	} {
		r := reader{[]byte(data)}
		if read, err := r.unpack(0); err != nil || !reflect.DeepEqual(read, expected) {
			t.Errorf("%q %v %v", data, read, err)
		}
	}
	r := reader{[]byte("\xdd\xff\xff\xff\xff")}
	if _, err := r.unpack(0); err == nil {
		t.Error("read what is not there")
	}
}

func TestWithoutAHostCallsFail(t *testing.T) {
	var told *Error
	if _, err := Secret("a"); !errors.As(err, &told) || told.Type != "Unavailable" {
		t.Error(err)
	}
}

func TestAHostOfATest(t *testing.T) {
	var asked []string
	defer SetHost(func(op string, request map[string]any) (map[string]any, error) {
		asked = append(asked, op)
		switch op {
		case "kv.list":
			key := map[string]any{"key": "a", "version": int64(3)}
			if request["after"] == nil {
				return map[string]any{"keys": []any{key}, "next": "a"}, nil
			}
			return map[string]any{"keys": []any{}, "next": nil}, nil
		case "invoke":
			payload := `{"errorType": "Odd", "errorMessage": "1 is odd"}`
			return map[string]any{"functionError": "Unhandled", "payload": []byte(payload)}, nil
		}
		header := []any{"X-A", "b"}
		return map[string]any{"status": int64(404), "headers": []any{header}, "body": []byte("no")}, nil
	})()
	for key, err := range (KeyValue{}).Keys("") {
		if err != nil || key.Name != "a" || key.Version != 3 || !key.Expires.IsZero() {
			t.Error(key, err)
		}
	}
	if err := InvokeFunction("f", 1, nil); err == nil || err.Error() != "Odd: 1 is odd" {
		t.Error(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	response, err := Fetch(ctx, FetchRequest{URL: "http://a/"})
	if err != nil || response.Status != 404 || response.Header("x-a") != "b" {
		t.Error(response, err)
	}
	if len(asked) != 4 {
		t.Error(asked)
	}
}
