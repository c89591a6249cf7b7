// The unit tests of wasmfaas.hpp, for the machine that they are built on; exits with 0.
#include "wasmfaas.hpp"

using namespace wasmfaas;

static int failures = 0;

static void expect(bool holds, const char *what) {
    if (holds) return;
    std::fprintf(stderr, "%s\n", what);
    failures++;
}

#define EXPECT(condition) expect(condition, #condition)

static Answer handle(const Json &event, const Context &context) {
    if (event["fail"].boolean()) return Error{"Odd", "it failed"};
    return Json::object({{"id", context.request_id()}, {"n", event["n"].number() + 1}});
}

static std::string answer_to(const std::string &event) {
    const std::string context = "{\"requestId\": \"r-1\"}";
    wasmfaas_request request = {{event.data(), event.size()}, {context.data(), context.size()}};
    wasmfaas_response response = {{nullptr, 0, 0}, false};
    run(handle, &request, &response);
    std::string text(response.buffer.data, response.buffer.size);
    std::free(response.buffer.data);
    return text;
}

int main() {
    for (const char *text : {"null", "true", "[]", "{}", "[1,-2.5,1e+300,\"\\u0000\\\"\",{\"a\":[null]}]", "0.1"}) {
        EXPECT(Json::parse(text)->text() == text);
    }
    for (const char *text : {"", "nul", "[1,]", "[,]", "[", "{\"a\"}", "{\"a\":1,}", "\"", "\"\\x\"", "1 2", "-", "NaN", "+1", "1e999"}) {
        EXPECT(!Json::parse(text));
    }
    EXPECT(!Json::parse(std::string(5000, '[')));
    EXPECT(Json::parse(" [ 1 , { } ] ")->items().size() == 2);
    EXPECT((*Json::parse("{\"a\": 1, \"a\": 2}"))["a"].number() == 2);
    EXPECT((*Json::parse("{\"a\": 1}"))["b"]["c"].is_null());
    EXPECT(answer_to("{\"n\": 1}") == "{\"id\":\"r-1\",\"n\":2}");
    EXPECT(answer_to("{\"fail\": true}").find("it failed") != std::string::npos);
    EXPECT(answer_to("{").find("BadEvent") != std::string::npos);
    Json request = *Json::parse("{\"body\": \"AAH/\", \"isBase64Encoded\": true}");
    EXPECT(http::Request(request).body() == std::string("\0\1\xFF", 3));
    return failures;
}
