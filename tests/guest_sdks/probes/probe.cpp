// The probe of the conformance run, in C++; tests/guest_sdks/test_conformance.py says what it does.
#include "wasmfaas.hpp"

#include <algorithm>
#include <iostream>

using namespace wasmfaas;

static unsigned count;

static Answer environment(const Json &event) {
    const char *value = std::getenv(event["name"].string().c_str());
    return value == nullptr ? Json() : Json(value);
}

static Answer now() {
    timespec time{};
    clock_gettime(CLOCK_REALTIME, &time);
    return Json(static_cast<double>(time.tv_sec) * 1000 + static_cast<double>(time.tv_nsec / 1000000));
}

static Answer known(const Context &context) {
    return Json::object({
        {"requestId", context.request_id()},
        {"functionName", context.function_name()},
        {"functionVersion", context.function_version()},
        {"invokedFunctionArn", context.invoked_function_arn()},
        {"memoryLimitInMB", std::to_string(context.memory_limit_mb())},
        {"logGroupName", context.log_group_name()},
        {"logStreamName", context.log_stream_name()},
        {"traceId", context.trace_id()},
        {"remainingMs", context.remaining_ms()},
    });
}

static Answer logged() {
    std::cout << "one" << std::endl;
    std::cerr << "two" << std::endl;
    log(WASMFAAS_DEBUG, "three");
    log("four");
    log(WASMFAAS_WARN, "five");
    log(WASMFAAS_ERROR, "six");
    return Json();
}

static Answer panic(const Json &event) {
    log(WASMFAAS_FATAL, event["message"].string());
    std::terminate();
}

static Answer allocate() {
    std::vector<std::vector<char>> kept;
    for (;;) kept.emplace_back(1 << 20, 'x');
}

static Answer respond(const Json &event) {
    http::Request request(event);
    std::string body = request.body().value();
    std::reverse(body.begin(), body.end());
    return http::response(
        201, body, {{"content-type", "application/octet-stream"}, {"x-method", request.method()}});
}

static Answer handle(const Json &event, const Context &context) {
    count++;
    std::string what = event["do"].string();
    if (event["requestContext"].is_object()) return respond(event);
    if (what == "environment") return environment(event);
    if (what == "time") return now();
    if (what == "random") return Json::object({{"secure", std::to_string(seed())}, {"pseudo", rand()}});
    if (what == "count") return Json(count);
    if (what == "context") return known(context);
    if (what == "text") return event["text"];
    if (what == "value") return event["value"];
    if (what == "fail") return Error{event["type"].string(), event["message"].string()};
    if (what == "panic") return panic(event);
    if (what == "exit") std::exit(0);
    if (what == "log") return logged();
    if (what == "allocate") return allocate();
    return Error{"BadEvent", "nothing to do"};
}

WASMFAAS_FUNCTION(handle)
