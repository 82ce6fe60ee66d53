#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"

namespace msb {

/// A failure: its kind, one English line that names the subject, named facts about it, the errno where a system call
/// failed, and the failure underneath. Built where the subject is known and passed up unchanged. Move-only and one
/// pointer wide, so that Result<T> stays cheap.
class Error {
 public:
  /// The message is the kind's lead-in, ": " and `detail` (`image not found: alpine:3.20`).
  Error(Status status, std::string_view detail);
  Error(Error&&) noexcept = default;
  Error& operator=(Error&&) noexcept = default;
  ~Error() = default;

  /// `io error: <what> <path>: <text of errnum>`, with the facts `path` and errno.
  static Error io(std::string_view what, std::string_view path, int errnum);

  Error&& with(std::string_view key, std::string_view value) &&;
  Error&& with_os_code(int errnum) &&;
  Error&& because(Error cause) &&;
  /// Puts `what` and ": " after the lead-in: for the one place up the stack that knows the subject.
  Error&& in(std::string_view what) &&;

  /// The same failure as one of another kind: for a module whose callers know another name for it.
  Error&& as(Status status) &&;

  Status status() const;
  const std::string& message() const;
  int os_code() const;
  /// Value of a fact, or null. Keys: path, name, digest, expected, actual, member, offset, children, sandboxes, ….
  const std::string* fact(std::string_view key) const;
  const std::vector<std::pair<std::string, std::string>>& facts() const;
  const Error* cause() const;
  /// Takes the cause out, so that somebody else can own it.
  std::unique_ptr<Error> take_cause();

 private:
  struct Body;
  static size_t detail_offset(const Body& body);
  struct Deleter {
    void operator()(Body* body) const;
  };
  std::unique_ptr<Body, Deleter> body_;
};

}  // namespace msb
