#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace msb::json {

/// An integer below zero is i64, any other u64.
using Number = std::variant<uint64_t, int64_t, double>;

/// True when all of `token` is one number of the JSON grammar.
bool is_number(std::string_view token);

/// The value that serde_json gives to a number of the grammar, which is not always the nearest double
/// (formats/snapshots.md §6.3): identities depend on it. Nothing when it is too large for a double.
std::optional<Number> read_number(std::string_view token);

/// Shortest digits that read back as `value`, in serde_json's notation; `null` for what JSON cannot say.
void append_double(std::string& out, double value);

}  // namespace msb::json
