#pragma once

#include <optional>
#include <string>

#include "image/context.h"
#include "os/dir.h"

namespace msb::sandbox {

// What we keep in the directory of a sandbox (FORMAT.md).

inline constexpr char kUpper[] = "upper.ext4";
inline constexpr char kOrigin[] = "origin.json";
/// Its directory has no record: not yet, or no more.
inline constexpr char kUnrecorded[] = ".unrecorded";

inline std::string directory_of(const image::Context& context, const std::string& name) {
  return os::join_path(context.sandboxes_dir, name);
}

/// The document that says which snapshot a disk was copied from.
std::string origin_document(const std::string& snapshot);
/// The digest that the document of a directory names; nothing when there is none, or, with a warning, when it is
/// malformed.
std::optional<std::string> read_origin(const image::Context& context, const std::string& directory);

}  // namespace msb::sandbox
