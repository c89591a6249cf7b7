package wasmfaas

import (
	"encoding/base64"
	"encoding/json"
	"unicode/utf8"
)

// HTTPRequest is the event of a function URL.
type HTTPRequest struct {
	Method string
	Path   string
	Query  string
	// Headers by their names in small letters.
	Headers         map[string]string
	QueryParameters map[string]string
	Cookies         []string
	SourceIP        string
	Body            []byte
}

// UnmarshalJSON reads an event of the payload format 2.0.
func (r *HTTPRequest) UnmarshalJSON(data []byte) error {
	var event struct {
		RawPath               string            `json:"rawPath"`
		RawQueryString        string            `json:"rawQueryString"`
		Headers               map[string]string `json:"headers"`
		QueryStringParameters map[string]string `json:"queryStringParameters"`
		Cookies               []string          `json:"cookies"`
		RequestContext        struct {
			HTTP struct {
				Method   string `json:"method"`
				SourceIP string `json:"sourceIp"`
			} `json:"http"`
		} `json:"requestContext"`
		Body            string `json:"body"`
		IsBase64Encoded bool   `json:"isBase64Encoded"`
	}
	if err := json.Unmarshal(data, &event); err != nil {
		return err
	}
	body := []byte(event.Body)
	if event.IsBase64Encoded {
		var err error
		if body, err = base64.StdEncoding.DecodeString(event.Body); err != nil {
			return err
		}
	}
	*r = HTTPRequest{
		Method: event.RequestContext.HTTP.Method, Path: event.RawPath, Query: event.RawQueryString,
		Headers: event.Headers, QueryParameters: event.QueryStringParameters, Cookies: event.Cookies,
		SourceIP: event.RequestContext.HTTP.SourceIP, Body: body,
	}
	return nil
}

// HTTPResponse is an answer to a function URL. Status 0 is 200; the body may be any bytes.
type HTTPResponse struct {
	Status  int
	Headers map[string]string
	Cookies []string
	Body    []byte
}

// MarshalJSON writes an answer of the payload format 2.0.
func (r HTTPResponse) MarshalJSON() ([]byte, error) {
	answer := struct {
		StatusCode      int               `json:"statusCode"`
		Headers         map[string]string `json:"headers,omitempty"`
		Cookies         []string          `json:"cookies,omitempty"`
		Body            string            `json:"body"`
		IsBase64Encoded bool              `json:"isBase64Encoded"`
	}{r.Status, r.Headers, r.Cookies, string(r.Body), false}
	if answer.StatusCode == 0 {
		answer.StatusCode = 200
	}
	if !utf8.Valid(r.Body) {
		answer.Body, answer.IsBase64Encoded = base64.StdEncoding.EncodeToString(r.Body), true
	}
	return json.Marshal(answer)
}
