// Package fetch lets clients of net/http reach what the function's permissions name. Imported for
// its effect, it makes Transport the one that http.Get, http.DefaultClient and all clients without a
// transport of their own use:
//
//	import _ "github.com/wasmfaas/wasmfaas/guest-sdks/go/fetch"
package fetch

import (
	"bytes"
	"io"
	"net/http"
	"strconv"

	wasmfaas "github.com/wasmfaas/wasmfaas/guest-sdks/go"
)

// Transport is an http.RoundTripper over the host's fetch. Bodies are read and sent whole; a request
// ends with its context's deadline.
type Transport struct{}

func init() {
	if inSandbox {
		http.DefaultTransport = Transport{}
	}
}

// RoundTrip makes one request, and follows no redirects: that is the client's to do.
func (Transport) RoundTrip(request *http.Request) (*http.Response, error) {
	var body []byte
	if request.Body != nil {
		defer request.Body.Close()
		var err error
		if body, err = io.ReadAll(request.Body); err != nil {
			return nil, err
		}
	}
	asked := wasmfaas.FetchRequest{
		URL: request.URL.String(), Method: request.Method, Body: body, Redirect: "manual",
	}
	for name, values := range request.Header {
		for _, value := range values {
			asked.Headers = append(asked.Headers, [2]string{name, value})
		}
	}
	told, err := wasmfaas.Fetch(request.Context(), asked)
	if err != nil {
		return nil, err
	}
	return responded(request, told), nil
}

func responded(request *http.Request, told *wasmfaas.FetchResponse) *http.Response {
	header := http.Header{}
	for _, pair := range told.Headers {
		header.Add(pair[0], pair[1])
	}
	return &http.Response{
		Status:     strconv.Itoa(told.Status) + " " + http.StatusText(told.Status),
		StatusCode: told.Status,
		Proto:      "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        header,
		Body:          io.NopCloser(bytes.NewReader(told.Body)),
		ContentLength: int64(len(told.Body)),
		Request:       request,
	}
}
