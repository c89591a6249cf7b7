package wasmfaas

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math/rand"
	"strings"
	"testing"
)

func double(ctx context.Context, n float64) (float64, error) {
	if n < 0 {
		return 0, Errorf("Negative", "%g", n)
	}
	if n > 1000 {
		panic("too much")
	}
	return 2 * n, nil
}

func TestInvoke(t *testing.T) {
	answer, err := Invoke(context.Background(), double, []byte("21"))
	if err != nil || string(answer) != "42" {
		t.Fatal(string(answer), err)
	}
	for event, kind := range map[string]string{"-1": "Negative", "2000": "panic", `"x"`: "BadEvent"} {
		_, err := Invoke(context.Background(), double, []byte(event))
		if told := reported(err); told.Type != kind {
			t.Error(event, told)
		}
	}
	_, err = Invoke(context.Background(), double, []byte("-1"))
	if trace := reported(err).StackTrace; !strings.Contains(trace[0], "double") {
		t.Error(trace)
	}
}

func TestErrorsAreReportedByTheirType(t *testing.T) {
	if told := reported(errors.New("no")); told.Type != "errorString" || told.Message != "no" {
		t.Error(told)
	}
}

func TestEnvelopes(t *testing.T) {
	Start(double)
	request := []byte("\xdf\x00\x00\x00\x03\xd9\x05extra\x92\x81\xa1k\x07\xc0" +
		"\xda\x00\x07context\xc6\x00\x00\x00\x02{}\xa5event\xc4\x021e")
	request = append(request[:len(request)-4], "\xc4\x0221"...)
	answer, err := handle(request)
	if err != nil || !bytes.HasSuffix(answer, []byte("\x00\x00\x00\x0242")) {
		t.Fatalf("%q %v", answer, err)
	}
	for range 20_000 {
		broken := bytes.Clone(request)
		broken[rand.Intn(len(broken))] = byte(rand.Intn(256))
		readRequest(broken[:rand.Intn(len(broken)+1)])
	}
}

func TestHTTP(t *testing.T) {
	var request HTTPRequest
	event := `{"rawPath":"/a","requestContext":{"http":{"method":"PUT"}},"body":"AAH/","isBase64Encoded":true}`
	if err := json.Unmarshal([]byte(event), &request); err != nil || string(request.Body) != "\x00\x01\xff" {
		t.Fatal(request, err)
	}
	answer, _ := json.Marshal(HTTPResponse{Body: request.Body})
	if string(answer) != `{"statusCode":200,"body":"AAH/","isBase64Encoded":true}` {
		t.Error(string(answer))
	}
}
