#pragma once

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"

namespace msb::capi {

/// Reads an option struct by the rules of the header: NULL is all defaults, a shorter one has defaults in its missing
/// tail, a longer one must have zeros where this library knows no members.
template <typename T>
Result<T> copy_opts(const T* opts) {
  static_assert(std::is_trivially_copyable_v<T> && offsetof(T, struct_size) == 0);
  T copy{};
  copy.struct_size = sizeof(T);
  if (opts == nullptr) return copy;
  const size_t size = opts->struct_size;
  if (size < sizeof(size_t)) return Error(Status::invalid_argument, "struct_size of the options is not set");
  const auto* bytes = reinterpret_cast<const std::byte*>(opts);
  for (size_t i = sizeof(T); i < size; ++i) {
    if (bytes[i] != std::byte{0}) {
      return Error(Status::invalid_argument, "the options use members that this library does not know");
    }
  }
  std::memcpy(&copy, opts, std::min(size, sizeof(T)));
  copy.struct_size = sizeof(T);
  return copy;
}

/// Fills a result struct of the caller's size; false when there is none or its struct_size is not set.
template <typename T>
bool fill(T* out, const T& value) {
  static_assert(std::is_trivially_copyable_v<T> && offsetof(T, struct_size) == 0);
  if (out == nullptr || out->struct_size < sizeof(size_t)) return false;
  const size_t size = out->struct_size;
  std::memcpy(out, &value, std::min(size, sizeof(T)));
  if (size > sizeof(T)) std::memset(reinterpret_cast<std::byte*>(out) + sizeof(T), 0, size - sizeof(T));
  out->struct_size = size;
  return true;
}

/// A string argument that must be there; `what` names it in the message.
inline Result<std::string_view> need_text(const char* text, std::string_view what) {
  if (text == nullptr) return Error(Status::invalid_argument, std::string(what) + " is NULL");
  if (!is_utf8(text)) return Error(Status::invalid_argument, std::string(what) + " is not UTF-8");
  return std::string_view(text);
}

/// A path or a reference to a snapshot: bytes, as the kernel has them.
inline Result<std::string> need_path(const char* path, std::string_view what) {
  if (path == nullptr) return Error(Status::invalid_argument, std::string(what) + " is NULL");
  return std::string(path);
}

/// A text that may be absent.
inline Result<std::optional<std::string>> read_text(const char* text, std::string_view what) {
  if (text == nullptr) return std::optional<std::string>();
  MSB_TRY(const std::string_view read, need_text(text, what));
  return std::optional<std::string>(read);
}
inline std::optional<std::string> read_path(const char* path) {
  return path != nullptr ? std::optional<std::string>(path) : std::nullopt;
}

/// Path of a file that is read or written; empty for the descriptor in the options.
inline Result<std::string> read_file_path(const char* path, std::string_view what) {
  if (path == nullptr) return std::string();
  if (*path == '\0') return Error(Status::invalid_argument, std::string(what) + " is empty");
  return std::string(path);
}
/// The descriptor to write in options where 0 stands for standard output.
inline int output_fd(int32_t fd) {
  constexpr int kStandardOutput = 1;
  return fd != 0 ? fd : kStandardOutput;
}

inline int64_t time_or_unknown(const std::optional<UnixNanos>& time) { return time.value_or(INT64_MIN); }
inline const char* c_str_or_null(const std::optional<std::string>& text) { return text ? text->c_str() : nullptr; }
/// Of a text that is never empty where it is known.
inline const char* text_or_null(const std::string& text) { return text.empty() ? nullptr : text.c_str(); }

}  // namespace msb::capi
