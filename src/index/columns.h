#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/time.h"
#include "index/sqlite.h"

namespace msb::index {

using Strings = std::vector<std::string>;
/// Names and values, in the order of the document they come from.
using StringMap = std::vector<std::pair<std::string, std::string>>;

/// A time as any release has written it (formats/snapshots.md §5.4), also as seconds since the epoch; nothing when it
/// is NULL or no time at all.
std::optional<UnixNanos> time_column(const Statement& row, int column);
/// A count or size; nothing when it is NULL or negative.
std::optional<uint64_t> size_column(const Statement& row, int column);

/// JSON of a column that holds an array of strings, or an object of them; nothing when it is not that.
std::optional<Strings> read_strings(std::string_view text);
std::optional<StringMap> read_string_map(std::string_view text);
std::string write_strings(const Strings& strings);
std::string write_string_map(const StringMap& map);

}  // namespace msb::index
