#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/call.h"
#include "image/context.h"
#include "snapshot/artifact.h"

namespace msb::snapshot {

using image::Context;

/// How a text that stands for a snapshot is read. Values are those of MSB_SNAPSHOT_REF_… in the header.
enum class RefKind : uint32_t {
  none = 0,    ///< empty
  name = 1,    ///< anything else
  path = 2,    ///< contains `/`, or begins with `.` or `~`
  digest = 3,  ///< begins with `sha256:` or `sha512:`
};
RefKind ref_kind(std::string_view text);

/// Whether a new snapshot may be called that: not empty, at most 246 bytes, no `/`, `\`, `:` or control bytes, no
/// leading `.`, `~` or `-`. Snapshots of others may be called anything.
/// @retval Status::invalid_argument  not UTF-8
/// @retval Status::invalid_config    the message says which rule it breaks
Done check_name(std::string_view name);
/// Whether a name that somebody else suggests, as an archive does, is taken: it is valid, and no shell and no terminal
/// makes more of it than one word. A user may give any valid name.
bool is_harmless_name(std::string_view name);

/// Where a snapshot of that name is, or would be; for a group of 0.7, its head.
Result<std::string> path_of_name(const Context& context, const std::string& name);
/// A directory that a caller named: `~` expanded, and canonical (os::canonical_path); the snapshots directory for none.
Result<std::string> directory_named(const Context& context, const std::optional<std::string>& dir);

/// The canonical directory that `ref` stands for. The one rule of every operation that takes a reference:
///   path    the directory of that path, `~` expanded, indexed or not
///   name    the one of that name below the snapshots directory, or the head of that group; only if there is neither,
///           what the index calls so; of groups (0.7) also `GROUP:NAME` or an id, indexed or not
///   digest  where the index says, if a snapshot of that digest still is there; else in the snapshots directory
/// Of names and paths only the place is certain: whether a snapshot is there says open_artifact(). Writes nothing.
/// @retval Status::invalid_config      it is empty
/// @retval Status::snapshot_not_found  nothing is known of that name or digest
Result<std::string> resolve(const Context& context, const std::string& ref, const Call& call);

/// resolve() and open_artifact().
Result<Artifact> open(const Context& context, const std::string& ref, const Call& call);

/// Opens the parent that a snapshot names; that of a member of a group is looked for in the group first.
/// @retval Status::snapshot_not_found  it is not there; facts `digest`, and `path` of the child
Result<Artifact> open_parent(const Context& context, const Artifact& child, const Call& call);

}  // namespace msb::snapshot
