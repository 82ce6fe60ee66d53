#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

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
/// The digest that such a document names. Fails with Status::json.
Result<std::string> parse_origin(std::string_view text);
/// The digest that the document of a directory names; nothing when there is none, or, with a warning, when it is
/// malformed.
Result<std::optional<std::string>> read_origin(const image::Context& context, const std::string& directory);

/// The name below the sandboxes directory of what makes room for a sandbox, or waits for its place.
inline constexpr std::string_view kAside = ".aside-";
inline std::string aside_name(const std::string& name) { return std::string(kAside) + name; }

/// What the mark of a directory says.
struct Mark {
  std::optional<int64_t> replaces;  ///< record that goes when that of this directory comes
};
/// The text of a mark.
std::string mark_text(const Mark& mark);
/// Nothing when the directory has none, or is missing.
Result<std::optional<Mark>> read_mark(const image::Context& context, const std::string& directory);
/// Puts the mark into a directory, for good; nothing happens when the directory is missing.
Done mark_unrecorded(const image::Context& context, const std::string& directory);
/// Takes the mark away. A crash may bring it back.
Done unmark(const image::Context& context, const std::string& directory);
/// Takes a directory away with all that is in it; one that is missing is fine. It has left its place once this has
/// done anything, and what cannot be freed then is left to recover().
Done discard_directory(const image::Context& context, const std::string& name);

}  // namespace msb::sandbox
