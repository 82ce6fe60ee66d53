#include "json/value.h"

#include <algorithm>
#include <limits>

namespace msb::json {

// Not in the header, where Member is incomplete.
Value::Value() = default;
Value::Value(std::nullptr_t) {}
Value::Value(double value) : data_(value) {}
Value::Value(std::string value) : data_(std::move(value)) {}
Value::Value(std::string_view value) : data_(std::in_place_type<std::string>, value) {}
Value::Value(const char* value) : data_(std::in_place_type<std::string>, value) {}
Value::Value(Array value) : data_(std::move(value)) {}
Value::Value(Object value) : data_(std::move(value)) {}
Value::Value(const Value& other) = default;
Value::Value(Value&& other) noexcept = default;
Value& Value::operator=(const Value& other) = default;
Value& Value::operator=(Value&& other) noexcept = default;
Value::~Value() = default;
void Value::set(int64_t value) { data_ = value; }
void Value::set(uint64_t value) { data_ = value; }

std::optional<bool> Value::boolean() const {
  const auto* value = std::get_if<bool>(&data_);
  return value != nullptr ? std::optional(*value) : std::nullopt;
}

std::optional<uint64_t> Value::u64() const {
  const auto* value = std::get_if<uint64_t>(&data_);
  return value != nullptr ? std::optional(*value) : std::nullopt;
}

std::optional<int64_t> Value::i64() const {
  if (const auto* value = std::get_if<int64_t>(&data_)) return *value;
  const auto* value = std::get_if<uint64_t>(&data_);
  if (value == nullptr || !std::in_range<int64_t>(*value)) return std::nullopt;
  return static_cast<int64_t>(*value);
}

std::optional<double> Value::number() const {
  if (const auto* value = std::get_if<double>(&data_)) return *value;
  if (const auto* value = std::get_if<uint64_t>(&data_)) return static_cast<double>(*value);
  if (const auto* value = std::get_if<int64_t>(&data_)) return static_cast<double>(*value);
  return std::nullopt;
}

const Value* Value::find(std::string_view name) const {
  const Object* members = object();
  if (members == nullptr) return nullptr;
  const auto found =
      std::find_if(members->begin(), members->end(), [&](const Member& member) { return member.name == name; });
  return found != members->end() ? &found->value : nullptr;
}

bool Value::operator==(const Value& other) const { return data_ == other.data_; }

Value sorted(Value value) {
  if (auto* array = std::get_if<Array>(&value.data_)) {
    for (Value& element : *array) element = sorted(std::move(element));
  } else if (auto* object = std::get_if<Object>(&value.data_)) {
    for (Member& member : *object) member.value = sorted(std::move(member.value));
    std::sort(object->begin(), object->end(), [](const Member& a, const Member& b) { return a.name < b.name; });
  }
  return value;
}

}  // namespace msb::json
