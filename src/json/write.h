#pragma once

#include <string>

#include "json/value.h"

namespace msb::json {

enum class Layout {
  compact,  ///< no white space
  pretty,   ///< two spaces a level, as serde_json's to_string_pretty; no newline at the end
};

/// The bytes that serde_json writes for the same value (formats/snapshots.md §6.2, §6.3), members in the order they
/// have. Identities are hashes of these bytes. Read back they give the same value, but for the last digits of doubles.
/// Canonical documents sort the objects that have no fixed order: see sorted().
std::string write(const Value& value, Layout layout = Layout::compact);

}  // namespace msb::json
