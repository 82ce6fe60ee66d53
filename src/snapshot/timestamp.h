#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace msb::snapshot {

/// The normal form of a time in `snapshot.json`: UTC, `Z`, no trailing zeros in the fraction (formats/snapshots.md
/// §6.4). Years 0000 to 9999, a leap second stays one; so this works on the text, not on a count of nanoseconds.
/// Nothing when the text is no such time.
std::optional<std::string> normalize_timestamp(std::string_view text);

}  // namespace msb::snapshot
