#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace msb {

using Bytes = std::span<const std::byte>;
using MutableBytes = std::span<std::byte>;

static_assert(std::endian::native == std::endian::little, "on-disk integers are stored without swapping");

/// Reads a little-endian integer at `offset`, which the caller has bounded.
template <std::integral T>
T load_le(Bytes bytes, size_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

/// The same of a big-endian one.
template <std::unsigned_integral T>
T load_be(Bytes bytes, size_t offset) {
  const auto value = load_le<T>(bytes, offset);
  static_assert(sizeof value == 4 || sizeof value == 8);
  if constexpr (sizeof value == 4) {
    return __builtin_bswap32(value);
  } else {
    return __builtin_bswap64(value);
  }
}

template <std::integral T>
void store_le(MutableBytes bytes, size_t offset, T value) {
  std::memcpy(bytes.data() + offset, &value, sizeof value);
}

template <std::unsigned_integral T>
constexpr T align_up(T value, T unit) {
  return (value + unit - 1) / unit * unit;
}

template <std::unsigned_integral T>
constexpr T ceil_div(T value, T unit) {
  return value / unit + (value % unit != 0 ? 1 : 0);
}

/// a + b, or nothing when it does not fit.
template <std::integral T>
constexpr std::optional<T> checked_add(T a, T b) {
  T sum;
  if (__builtin_add_overflow(a, b, &sum)) return std::nullopt;
  return sum;
}

inline Bytes as_bytes(std::string_view text) { return std::as_bytes(std::span(text.data(), text.size())); }
inline std::string_view as_text(Bytes bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

/// True when every byte is zero, or there is none.
bool is_zero(Bytes bytes);

/// Lower-case hexadecimal.
std::string to_hex(Bytes bytes);
/// Inverse of to_hex; only lower-case digits, an even number of them.
std::optional<std::string> from_hex(std::string_view text);

/// True when `text` is well-formed UTF-8 (no surrogates, no overlong forms, at most U+10FFFF).
bool is_utf8(std::string_view text);

}  // namespace msb
