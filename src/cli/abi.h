#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>

#include "microsandbox.h"

// The C ABI as C++ likes it: references that free themselves, results as return values, failures as one exception that
// ends the command. Nothing below main() catches it except commands that go on with their next argument.
namespace msbctl {

struct Release {
  void operator()(void* object) const { msb_handle_free(object); }
};
/// One reference to an object of the library.
template <class T>
using Handle = std::unique_ptr<T, Release>;

/// What made a command fail: an error of the library, or one of the command itself.
class Failure {
 public:
  explicit Failure(msb_error* taken);
  Failure(msb_status status, std::string message, std::string hint = {});

  msb_status status() const { return status_; }
  /// errno where a system call failed, else 0.
  int os_code() const { return os_code_; }
  /// What msbctl ends with for it: 1, or what a shell would for a command that cannot be run.
  int exit_code() const { return exit_code_; }
  /// One line; begins with the kind, as all messages of the library do.
  const std::string& message() const { return message_; }
  /// What the user can do about it; empty when the message says it or nothing can be done.
  const std::string& hint() const { return hint_; }

 private:
  msb_status status_;
  int os_code_ = 0;
  int exit_code_ = 1;
  std::string message_;
  std::string hint_;
};

namespace detail {

template <class Function>
struct Signature;
template <class Return, class... Parameters>
struct Signature<Return (*)(Parameters...)> {
  static constexpr size_t kCount = sizeof...(Parameters);
  template <size_t kFromEnd>
  using Last = std::tuple_element_t<kCount - 1 - kFromEnd, std::tuple<Parameters...>>;
};

template <class T>
T blank() {
  T value{};
  if constexpr (requires { value.struct_size; }) value.struct_size = sizeof value;
  return value;
}

inline void expect(msb_status status, msb_error* error) {
  if (status != MSB_OK) throw Failure(error);
}

}  // namespace detail

/// Calls a function that can fail with everything but its `out` and `err`, and returns what it puts into `out`: a
/// Handle for an object, the value itself for a number or a report.
template <auto kFunction, class... Arguments>
auto ask(Arguments... arguments) {
  using Function = detail::Signature<decltype(kFunction)>;
  msb_error* error = nullptr;
  if constexpr (sizeof...(arguments) + 1 == Function::kCount) {
    const msb_status status = kFunction(arguments..., &error);
    detail::expect(status, error);
  } else {
    using Out = std::remove_pointer_t<typename Function::template Last<1>>;
    Out out = detail::blank<Out>();
    const msb_status status = kFunction(arguments..., &out, &error);
    detail::expect(status, error);
    if constexpr (std::is_pointer_v<Out>) {
      return Handle<std::remove_pointer_t<Out>>(out);
    } else {
      return out;
    }
  }
}

/// Calls a function that fills an info struct, `bool f(object..., info *out)`; nothing when it says false.
template <auto kFunction, class... Arguments>
auto look(Arguments... arguments) {
  using Info = std::remove_pointer_t<typename detail::Signature<decltype(kFunction)>::template Last<0>>;
  Info info = detail::blank<Info>();
  return kFunction(arguments..., &info) ? std::optional<Info>(info) : std::nullopt;
}

}  // namespace msbctl
