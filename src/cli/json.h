#pragma once

#include <jansson.h>

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace msbctl {

/// A JSON value under construction. Objects come out with sorted keys and two spaces of indentation, so that output is
/// the same whatever order it was built in.
class Json {
 public:
  Json() : Json(nullptr) {}
  Json(std::nullptr_t);           // NOLINT(google-explicit-constructor): values are written as they are
  Json(const char* text);         // NOLINT: null for NULL
  Json(std::string_view text);    // NOLINT
  Json(const std::string& text);  // NOLINT
  Json(bool value);               // NOLINT
  Json(int32_t number);           // NOLINT
  Json(uint32_t number);          // NOLINT
  Json(uint64_t number);          // NOLINT

  static Json object(std::initializer_list<std::pair<const char*, Json>> members);
  static Json array();
  /// What a document says; null when it is none.
  static Json parse(std::string_view document);

  void set(const char* key, const Json& value);
  void append(const Json& value);
  /// A member; null when there is none.
  Json at(const char* key) const;
  /// A text itself; empty when the value is none.
  std::string string() const;
  /// The document.
  std::string text() const;

 private:
  struct Release {
    void operator()(json_t* value) const { json_decref(value); }
  };
  struct Adopt {};
  Json(Adopt, json_t* value) : value_(value, Release()) {}

  std::shared_ptr<json_t> value_;
};

/// A time as JSON: RFC 3339, or null for INT64_MIN.
Json json_time(int64_t ns);

}  // namespace msbctl
