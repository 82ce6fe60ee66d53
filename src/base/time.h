#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace msb {

/// Nanoseconds since the Unix epoch, UTC.
using UnixNanos = int64_t;

UnixNanos now_ns();

/// As the database stores times: `YYYY-MM-DD HH:MM:SS` and the shortest exact fraction of 0, 3, 6 or 9 digits
/// (formats/snapshots.md §5.4).
std::string format_db_time(UnixNanos time);
/// As descriptors and JSON output write times: `YYYY-MM-DDTHH:MM:SS[.fraction]` followed by `suffix` ("Z", "+00:00").
std::string format_rfc3339(UnixNanos time, std::string_view suffix);
/// Reads both forms above and what other releases accept: `T` or a space, an optional fraction (cut after nine digits),
/// nothing, `Z` or an offset (applied, not ignored). Nothing when the text is no time or is outside 1677–2262.
std::optional<UnixNanos> parse_time(std::string_view text);

}  // namespace msb
