package wasmfaas

import (
	"context"
	"strings"
	"time"
)

// FetchRequest is an HTTP request to an origin that the function's permissions name. For clients of
// net/http there is the package fetch beside this one.
type FetchRequest struct {
	URL string
	// Method is GET where it is empty.
	Method string
	// Headers are names and values; a name may be there more than once.
	Headers [][2]string
	// Body is nil where there is none.
	Body []byte
	// Redirect is "follow", which it is where it is empty, "manual" or "error".
	Redirect string
}

// FetchResponse is what a server said, whatever its status is.
type FetchResponse struct {
	Status  int
	Headers [][2]string
	Body    []byte
	// URL is where the answer came from.
	URL string
}

// Header is the first value of a header, its name in any case; empty where there is none.
func (r *FetchResponse) Header(name string) string {
	for _, header := range r.Headers {
		if strings.EqualFold(header[0], name) {
			return header[1]
		}
	}
	return ""
}

// Fetch makes an HTTP request and waits for the answer, at most until the deadline of ctx.
func Fetch(ctx context.Context, request FetchRequest) (*FetchResponse, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	headers := []any{}
	for _, header := range request.Headers {
		headers = append(headers, []any{header[0], header[1]})
	}
	asked := map[string]any{"url": request.URL, "headers": headers}
	for name, value := range map[string]string{"method": request.Method, "redirect": request.Redirect} {
		if value != "" {
			asked[name] = value
		}
	}
	if request.Body != nil {
		asked["body"] = request.Body
	}
	if deadline, ok := ctx.Deadline(); ok {
		asked["timeoutMs"] = min(max(time.Until(deadline).Milliseconds(), 1), timeoutMaxMs)
	}
	answer, err := Call("fetch", asked)
	if err != nil {
		return nil, err
	}
	return fetched(answer), nil
}

const timeoutMaxMs = 900_000

func fetched(answer map[string]any) *FetchResponse {
	response := &FetchResponse{Status: int(whole(answer["status"]))}
	response.Body, _ = answer["body"].([]byte)
	response.URL, _ = answer["url"].(string)
	headers, _ := answer["headers"].([]any)
	for _, each := range headers {
		if pair, _ := each.([]any); len(pair) == 2 {
			name, _ := pair[0].(string)
			value, _ := pair[1].(string)
			response.Headers = append(response.Headers, [2]string{name, value})
		}
	}
	return response
}
