// wasmfaas.hpp: write a wasmfaas function in C++17. ABI version 1, see guest-sdks/README.md.
//
//     #include "wasmfaas.hpp"
//     using namespace wasmfaas;
//
//     static Answer handle(const Json &event, const Context &) {
//         if (!event["name"].is_string()) return Error{"BadEvent", "the event needs a string \"name\""};
//         return Json::object({{"greeting", "Hello, " + event["name"].string() + "!"}});
//     }
//     WASMFAAS_FUNCTION(handle)
//
// It stands on the C SDK: put guest-sdks/c/include on the include path, too. There are no
// exceptions in WASI; an Error is an answer.
#ifndef WASMFAAS_HPP
#define WASMFAAS_HPP

#include "wasmfaas.h"
#include "wasmfaas_http.h"
#include "wasmfaas_json.hpp"

#include <random>

namespace wasmfaas {

/// What the caller is told instead of an answer.
struct Error {
    std::string type;
    std::string message;
};

/// What a handler returns: JSON, or an error.
using Answer = std::variant<Json, Error>;

/// One invocation beside its event: what Lambda's context objects have.
class Context {
  public:
    explicit Context(const wasmfaas_request &request)
        : text(request.context.data, request.context.size), request_(request), fields_(wasmfaas_context_of(&request)) {}

    std::string_view request_id() const { return fields_.request_id; }
    std::string_view function_name() const { return fields_.function_name; }
    std::string_view function_version() const { return fields_.function_version; }
    std::string_view invoked_function_arn() const { return fields_.invoked_function_arn; }
    std::string_view log_group_name() const { return fields_.log_group_name; }
    std::string_view log_stream_name() const { return fields_.log_stream_name; }
    std::string_view trace_id() const { return fields_.trace_id; }
    int memory_limit_mb() const { return fields_.memory_limit_mb; }
    /// Milliseconds since 1970.
    int64_t deadline_ms() const { return fields_.deadline_ms; }
    int64_t remaining_ms() const { return wasmfaas_remaining_ms(&request_); }
    /// The context and the event as they came, JSON text.
    std::string_view json() const { return text; }
    std::string_view event() const { return {request_.event.data, request_.event.size}; }

  private:
    std::string_view text;
    const wasmfaas_request &request_;
    wasmfaas_context fields_;
};

/// Writes a line to the function's log.
inline void log(wasmfaas_level level, const std::string &line) { wasmfaas_log_at(level, "%s", line.c_str()); }
inline void log(const std::string &line) { log(WASMFAAS_INFO, line); }

/// A seed for a generator of <random>, of the host's randomness; take one in every invocation.
inline std::uint64_t seed() {
    std::random_device device;
    return static_cast<std::uint64_t>(device()) << 32 | device();
}

namespace http {

/// The request in the event of a function URL; it must outlive this.
class Request {
  public:
    explicit Request(const Json &event) : event_(event) {}

    std::string method() const { return event_["requestContext"]["http"]["method"].string("GET"); }
    std::string path() const { return event_["rawPath"].string("/"); }
    std::string query() const { return event_["rawQueryString"].string(); }
    /// A header, its name in small letters.
    std::string header(std::string_view name) const { return event_["headers"][name].string(); }
    /// The body's bytes; nothing where it is broken.
    std::optional<std::string> body() const {
        std::string text = event_["body"].string();
        if (!event_["isBase64Encoded"].boolean()) return text;
        wasmfaas_buffer plain = {nullptr, 0, 0};
        bool read = wasmfaas_base64_decode(&plain, text.data(), text.size());
        std::string bytes = plain.size > 0 ? std::string(plain.data, plain.size) : std::string();
        std::free(plain.data);
        if (!read) return std::nullopt;
        return bytes;
    }

  private:
    const Json &event_;
};

using Headers = std::vector<std::pair<std::string, std::string>>;

/// The answer of a function URL; the body may be any bytes.
inline Json response(int status, std::string_view body, const Headers &headers = {}) {
    Json::Object named;
    for (const auto &[name, value] : headers) named.emplace_back(name, value);
    wasmfaas_buffer encoded = {nullptr, 0, 0};
    wasmfaas_base64_encode(&encoded, body.data(), body.size());
    std::string text = encoded.size > 0 ? std::string(encoded.data, encoded.size) : std::string();
    std::free(encoded.data);
    return Json::object(
        {{"statusCode", status}, {"headers", named}, {"isBase64Encoded", true}, {"body", text}});
}

}  // namespace http

/// Runs a handler on an event and answers; WASMFAAS_FUNCTION exports it.
template <typename Handler>
void run(Handler handler, const wasmfaas_request *request, wasmfaas_response *response) {
    std::optional<Json> event = Json::parse({request->event.data, request->event.size});
    Answer answer = event ? handler(*event, Context(*request)) : Answer(Error{"BadEvent", "the event is not JSON"});
    if (const Error *error = std::get_if<Error>(&answer)) {
        wasmfaas_fail(response, error->type.c_str(), "%s", error->message.c_str());
        return;
    }
    std::string text = std::get<Json>(answer).text();
    wasmfaas_write(response, text.data(), text.size());
}

}  // namespace wasmfaas

#define WASMFAAS_FUNCTION(handler)                                                                          \
    static void wasmfaas_cpp_handle(const wasmfaas_request *request, wasmfaas_response *response) {         \
        wasmfaas::run(handler, request, response);                                                          \
    }                                                                                                       \
    WASMFAAS_HANDLER(wasmfaas_cpp_handle)

#endif
