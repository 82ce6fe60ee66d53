#include "cli/json.h"

#include <cstdlib>
#include <new>

#include "cli/text.h"

namespace msbctl {
namespace {

json_t* text_value(std::string_view text) {
  const std::string valid = utf8(text);
  return json_stringn(valid.data(), valid.size());
}

}  // namespace

Json::Json(std::nullptr_t) : Json(Adopt(), json_null()) {}
Json::Json(const char* text) : Json(Adopt(), text == nullptr ? json_null() : text_value(text)) {}
Json::Json(std::string_view text) : Json(Adopt(), text_value(text)) {}
Json::Json(const std::string& text) : Json(Adopt(), text_value(text)) {}
Json::Json(bool value) : Json(Adopt(), json_boolean(value)) {}
Json::Json(int32_t number) : Json(Adopt(), json_integer(number)) {}
Json::Json(uint32_t number) : Json(Adopt(), json_integer(number)) {}
Json::Json(uint64_t number) : Json(Adopt(), json_integer(static_cast<json_int_t>(number))) {}

Json Json::object(std::initializer_list<std::pair<const char*, Json>> members) {
  Json result(Adopt(), json_object());
  for (const auto& [key, value] : members) result.set(key, value);
  return result;
}

Json Json::array() { return {Adopt(), json_array()}; }

Json Json::parse(std::string_view document) {
  json_t* value = json_loadb(document.data(), document.size(), JSON_DECODE_ANY, nullptr);
  return value == nullptr ? Json() : Json(Adopt(), value);
}

Json Json::at(const char* key) const {
  json_t* member = json_object_get(value_.get(), key);
  return member == nullptr ? Json() : Json(Adopt(), json_incref(member));
}

std::string Json::string() const {
  return {json_is_string(value_.get()) ? json_string_value(value_.get()) : "", json_string_length(value_.get())};
}

void Json::set(const char* key, const Json& value) {
  if (json_object_set(value_.get(), key, value.value_.get()) != 0) throw std::bad_alloc();
}

void Json::append(const Json& value) {
  if (json_array_append(value_.get(), value.value_.get()) != 0) throw std::bad_alloc();
}

std::string Json::text() const {
  const std::unique_ptr<char, decltype(&free)> dump(
      json_dumps(value_.get(), JSON_INDENT(2) | JSON_SORT_KEYS | JSON_ENCODE_ANY), &free);
  if (dump == nullptr) throw std::bad_alloc();
  return std::string(dump.get()) + '\n';
}

Json json_time(int64_t ns) { return ns == INT64_MIN ? Json() : Json(utc_time(ns)); }

}  // namespace msbctl
