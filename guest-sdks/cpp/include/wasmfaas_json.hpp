// wasmfaas_json.hpp: JSON values. A part of wasmfaas.hpp, which see.
#ifndef WASMFAAS_JSON_HPP
#define WASMFAAS_JSON_HPP

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "wasmfaas.h"

namespace wasmfaas {

/// JSON text that is part of an answer as it is.
struct Raw {
    std::string text;
};

/// A JSON value. Objects keep the order of their members; numbers are doubles.
class Json {
  public:
    using Array = std::vector<Json>;
    using Member = std::pair<std::string, Json>;
    using Object = std::vector<Member>;

    Json() = default;
    Json(std::nullptr_t) {}
    Json(bool value) : value_(value) {}
    Json(const char *text) : value_(std::string(text)) {}
    Json(std::string text) : value_(std::move(text)) {}
    Json(std::string_view text) : value_(std::string(text)) {}
    Json(Raw raw) : value_(std::move(raw)) {}
    Json(Array items) : value_(std::move(items)) {}
    Json(Object members) : value_(std::move(members)) {}
    template <typename Number, typename = std::enable_if_t<std::is_arithmetic_v<Number> && !std::is_same_v<Number, bool>>>
    Json(Number number) : value_(static_cast<double>(number)) {}

    /// `Json::object({{"name", "Ada"}, {"n", 1}})`
    static Json object(std::initializer_list<Member> members) { return Json(Object(members)); }
    /// `Json::array({1, "two", nullptr})`
    static Json array(std::initializer_list<Json> items) { return Json(Array(items)); }

    bool is_null() const { return std::holds_alternative<std::nullptr_t>(value_); }
    bool is_bool() const { return std::holds_alternative<bool>(value_); }
    bool is_number() const { return std::holds_alternative<double>(value_); }
    bool is_string() const { return std::holds_alternative<std::string>(value_); }
    bool is_array() const { return std::holds_alternative<Array>(value_); }
    bool is_object() const { return std::holds_alternative<Object>(value_); }

    /// The value where it is of that type, else `otherwise`.
    bool boolean(bool otherwise = false) const { return is_bool() ? std::get<bool>(value_) : otherwise; }
    double number(double otherwise = 0) const { return is_number() ? std::get<double>(value_) : otherwise; }
    std::string string(std::string otherwise = "") const {
        return is_string() ? std::get<std::string>(value_) : otherwise;
    }
    /// Items of an array, members of an object; none of anything else.
    const Array &items() const {
        static const Array none;
        return is_array() ? std::get<Array>(value_) : none;
    }
    const Object &members() const {
        static const Object none;
        return is_object() ? std::get<Object>(value_) : none;
    }

    /// The member `name`, of members with one name the last; null where there is none, so that
    /// look-ups can be chained.
    const Json &operator[](std::string_view name) const {
        static const Json none;
        const Object &all = members();
        for (auto member = all.rbegin(); member != all.rend(); ++member) {
            if (member->first == name) return member->second;
        }
        return none;
    }

    /// JSON text.
    std::string text() const {
        std::string out;
        write(out);
        return out;
    }

    /// The value of JSON text; nothing where it is none, or nested deeper than 1,000.
    static std::optional<Json> parse(std::string_view text) {
        Parser parser{text};
        Json value;
        if (!parser.value(value, 0)) return std::nullopt;
        parser.space();
        if (!parser.left.empty()) return std::nullopt;
        return value;
    }

  private:
    static constexpr int depth_max = 1000;

    struct Parser {
        std::string_view left;

        void space() {
            while (!left.empty() && (left[0] == ' ' || left[0] == '\t' || left[0] == '\n' || left[0] == '\r')) {
                left.remove_prefix(1);
            }
        }

        bool take(std::string_view token) {
            if (left.substr(0, token.size()) != token) return false;
            left.remove_prefix(token.size());
            return true;
        }

        bool value(Json &out, int depth) {
            if (depth > depth_max) return false;
            space();
            if (left.empty()) return false;
            if (left[0] == '{') return object(out, depth);
            if (left[0] == '[') return array(out, depth);
            if (left[0] == '"') {
                std::string text;
                if (!string(text)) return false;
                out.value_ = std::move(text);
                return true;
            }
            if (take("null")) return true;
            if (take("true")) return out.value_ = true, true;
            if (take("false")) return out.value_ = false, true;
            return number(out);
        }

        bool number(Json &out) {
            size_t size = 0;
            while (size < left.size() && std::string_view("+-.0123456789eE").find(left[size]) != left.npos) size++;
            std::string digits(left.substr(0, size));
            size_t first = digits[0] == '-' ? 1 : 0;
            if (size == first || digits[first] < '0' || digits[first] > '9') return false;
            char *end = nullptr;
            double number = std::strtod(digits.c_str(), &end);
            if (*end != '\0' || !std::isfinite(number)) return false;
            left.remove_prefix(size);
            out.value_ = number;
            return true;
        }

        bool string(std::string &out) {
            size_t end = 1;
            while (end < left.size() && left[end] != '"') end += left[end] == '\\' ? 2 : 1;
            if (end >= left.size()) return false;
            wasmfaas_buffer plain = {nullptr, 0, 0};
            bool read = wasmfaas_impl_unquote({left.data(), end + 1}, &plain);
            if (read && plain.size > 0) out.assign(plain.data, plain.size);
            std::free(plain.data);
            left.remove_prefix(end + 1);
            return read;
        }

        bool array(Json &out, int depth) {
            Array items;
            take("[");
            space();
            if (take("]")) return out.value_ = std::move(items), true;
            for (;;) {
                if (!value(items.emplace_back(), depth + 1)) return false;
                space();
                if (take("]")) return out.value_ = std::move(items), true;
                if (!take(",")) return false;
            }
        }

        bool object(Json &out, int depth) {
            Object members;
            take("{");
            space();
            if (take("}")) return out.value_ = std::move(members), true;
            for (;;) {
                space();
                Member &member = members.emplace_back();
                if (left.empty() || left[0] != '"' || !string(member.first)) return false;
                space();
                if (!take(":") || !value(member.second, depth + 1)) return false;
                space();
                if (take("}")) return out.value_ = std::move(members), true;
                if (!take(",")) return false;
            }
        }
    };

    static void quote(std::string &out, std::string_view text) {
        wasmfaas_buffer escaped = {nullptr, 0, 0};
        wasmfaas_impl_clean(&escaped, text.data(), text.size(), true);
        out += '"';
        if (escaped.size > 0) out.append(escaped.data, escaped.size);
        out += '"';
        std::free(escaped.data);
    }

    static void write_number(std::string &out, double number) {
        char digits[32];
        if (!std::isfinite(number)) {
            out += "null";
            return;
        }
        for (int precision = 15; precision <= 17; precision++) {
            std::snprintf(digits, sizeof digits, "%.*g", precision, number);
            if (std::strtod(digits, nullptr) == number) break;
        }
        out += digits;
    }

    void write(std::string &out) const {
        if (is_null()) out += "null";
        else if (is_bool()) out += boolean() ? "true" : "false";
        else if (is_number()) write_number(out, number());
        else if (is_string()) quote(out, std::get<std::string>(value_));
        else if (const Raw *raw = std::get_if<Raw>(&value_)) out += raw->text;
        else if (is_array()) {
            const char *separator = "[";
            for (const Json &item : items()) {
                out += separator;
                item.write(out);
                separator = ",";
            }
            out += items().empty() ? "[]" : "]";
        } else {
            const char *separator = "{";
            for (const auto &[name, value] : members()) {
                out += separator;
                quote(out, name);
                out += ':';
                value.write(out);
                separator = ",";
            }
            out += members().empty() ? "{}" : "}";
        }
    }

    std::variant<std::nullptr_t, bool, double, std::string, Raw, Array, Object> value_ = nullptr;
};

}  // namespace wasmfaas

#endif
