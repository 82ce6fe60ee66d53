#pragma once

#include <cstddef>
#include <string_view>

#include "base/result.h"
#include "json/value.h"

namespace msb::json {

struct ParseOptions {
  size_t max_bytes = size_t{4} << 20;
  /// Open arrays and objects at one place. 127 is what microsandbox takes.
  size_t max_depth = 127;
  /// Values in the whole document, rounded up: bounds the memory that small values cost beyond their bytes.
  size_t max_values = 200'000;
  /// Kind of the failure.
  Status status = Status::json;
};

/// Reads one document by the rules of formats/snapshots.md §6.1: strict grammar and UTF-8, nothing but white space
/// around it, no name twice in an object (compared after unescaping), numbers as serde_json reads them (§6.3). Strings
/// may hold U+0000, names may not. Failures carry the fact `offset`, in bytes.
Result<Value> parse(std::string_view text, const ParseOptions& options = {});

}  // namespace msb::json
