#pragma once

#include <cerrno>
#include <initializer_list>
#include <optional>
#include <utility>

#include "base/result.h"

namespace msb {

/// Whether a failure says that nothing is there. One that says that nobody could look is none of these.
inline bool is_absent(const Error& error) { return error.os_code() == ENOENT; }

/// Whether opening or reading a small file failed because of what lies there, and not of a system call: a link, a
/// device, or more than such a file may have.
inline bool is_unfit(const Error& error) { return error.os_code() == 0 || error.os_code() == ELOOP; }

/// What was looked for, or nothing exactly if it is not there; whoever could not look fails. To be asked wherever
/// something may be missing: `if (!looked)` takes a full table of descriptors for an empty directory.
template <typename T>
Result<std::optional<T>> if_there(Result<T> looked) {
  if (looked) return std::optional<T>(*std::move(looked));
  if (is_absent(looked.error())) return std::optional<T>();
  return std::move(looked).error();
}

/// The same for what has a kind of its own for that: Status::image_not_found, Status::snapshot_not_found, ….
template <typename T>
Result<std::optional<T>> if_there(Result<T> looked, std::initializer_list<Status> absent) {
  if (looked) return std::optional<T>(*std::move(looked));
  for (const Status status : absent) {
    if (looked.error().status() == status) return std::optional<T>();
  }
  return std::move(looked).error();
}

}  // namespace msb
