#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace msb::json {

class Value;
struct Member;
using Array = std::vector<Value>;
/// Members in document order, each name once.
using Object = std::vector<Member>;

/// One JSON value. Documents are composed from them (`Object{{"schema", 1}, {"labels", labels}}`) and, once parsed,
/// only read, so threads may share them. An integer is one that fits u64 or i64 and was written as such; every other
/// number is a double. Strings and names are UTF-8.
class Value {
 public:
  Value();
  Value(std::nullptr_t);                                  // NOLINT(google-explicit-constructor)
  Value(double value);                                    // NOLINT(google-explicit-constructor)
  Value(std::string value);                               // NOLINT(google-explicit-constructor)
  Value(std::string_view value);                          // NOLINT(google-explicit-constructor)
  Value(const char* value);                               // NOLINT(google-explicit-constructor)
  Value(Array value);                                     // NOLINT(google-explicit-constructor)
  Value(Object value);                                    // NOLINT(google-explicit-constructor)
  Value(std::same_as<bool> auto value) : data_(value) {}  // NOLINT(google-explicit-constructor)
  template <std::integral T>
  requires(!std::same_as<T, bool>) Value(T value) {  // NOLINT(google-explicit-constructor)
    std::cmp_less(value, 0) ? set(static_cast<int64_t>(value)) : set(static_cast<uint64_t>(value));
  }
  template <typename T>
  Value(std::optional<T> value) {  // NOLINT(google-explicit-constructor)
    if (value) *this = Value(*std::move(value));
  }
  Value(const Value& other);
  Value(Value&& other) noexcept;
  Value& operator=(const Value& other);
  Value& operator=(Value&& other) noexcept;
  ~Value();

  bool is_null() const { return std::holds_alternative<std::monostate>(data_); }
  /// Each of these yields nothing when the value is of another kind.
  std::optional<bool> boolean() const;
  std::optional<uint64_t> u64() const;
  std::optional<int64_t> i64() const;
  /// Any number, integers included.
  std::optional<double> number() const;
  const std::string* string() const { return std::get_if<std::string>(&data_); }
  const Array* array() const { return std::get_if<Array>(&data_); }
  const Object* object() const { return std::get_if<Object>(&data_); }

  /// The member of that name; null when there is none, or when this is no object.
  const Value* find(std::string_view name) const;

  bool operator==(const Value& other) const;

 private:
  friend class Writer;
  friend Value sorted(Value value);

  void set(int64_t value);
  void set(uint64_t value);

  // Not negative numbers are kept as u64 only, so that equal integers are equal values.
  std::variant<std::monostate, bool, uint64_t, int64_t, double, std::string, Array, Object> data_;
};

struct Member {
  std::string name;
  Value value;

  bool operator==(const Member& other) const = default;
};

/// The same value with the members of every object in it in the order of their names' bytes, as canonical documents
/// have it (formats/snapshots.md §6.2).
Value sorted(Value value);

}  // namespace msb::json
