#pragma once

#include <optional>
#include <utility>
#include <variant>

#include "base/error.h"

namespace msb {

/// A value or an Error (GCC 12 has no <expected>). Look before you take: `value()` on a failure is undefined.
template <typename T>
class [[nodiscard]] Result {
 public:
  using value_type = T;
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT(google-explicit-constructor)
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT(google-explicit-constructor)

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }
  T& value() & { return *std::get_if<0>(&state_); }
  const T& value() const& { return *std::get_if<0>(&state_); }
  T&& value() && { return std::move(*std::get_if<0>(&state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return std::get_if<0>(&state_); }
  const T* operator->() const { return std::get_if<0>(&state_); }
  Error& error() & { return *std::get_if<1>(&state_); }
  const Error& error() const& { return *std::get_if<1>(&state_); }
  Error&& error() && { return std::move(*std::get_if<1>(&state_)); }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  using value_type = void;
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}  // NOLINT(google-explicit-constructor)

  bool ok() const { return !error_.has_value(); }
  explicit operator bool() const { return ok(); }
  Error& error() & { return *error_; }
  const Error& error() const& { return *error_; }
  Error&& error() && { return std::move(*error_); }

 private:
  std::optional<Error> error_;
};

using Done = Result<void>;

/// MSB_TRY(auto x, f()): takes the value out of f(), or returns its error from the function around it.
#define MSB_TRY(declaration, expression) MSB_TRY_AS(MSB_JOIN(msb_try_, __LINE__), declaration, expression)
/// MSB_CHECK(f()): for a Result<void>.
#define MSB_CHECK(expression)                                                           \
  do {                                                                                  \
    if (auto msb_check = (expression); !msb_check) return std::move(msb_check).error(); \
  } while (false)
#define MSB_JOIN(a, b) MSB_JOIN_(a, b)
#define MSB_JOIN_(a, b) a##b
#define MSB_TRY_AS(name, declaration, expression) \
  auto name = (expression);                       \
  if (!name) return std::move(name).error();      \
  declaration = std::move(name).value()

}  // namespace msb
