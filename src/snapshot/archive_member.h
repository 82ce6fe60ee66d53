#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "digest/digest.h"

namespace msb::snapshot {

/// The layouts of snapshot archives (formats/snapshots.md §11.3, §11.4, §11.7). Values are those of
/// MSB_ARCHIVE_LAYOUT_… in the header, which leaves out what is only read.
enum class Layout : uint32_t {
  home = 0,     ///< what the release that owns the home writes
  legacy = 1,   ///< `<prefix>/manifest.json` and the disk beside it, dense; images below `cache/`
  current = 2,  ///< `snapshots/`, `files/` and `images/`, and an inventory of them all
  groups = 3,   ///< the same with `layers/`, of members of groups (0.7); images and inventory count as current
};

enum class MemberKind {
  directory,
  inventory,       ///< `archive.json`
  descriptor,      ///< `snapshot.json` or `manifest.json`
  labels,          ///< of a member of a group
  file,            ///< a disk; in the legacy layout any other file of a snapshot's directory too
  image_document,  ///< what a cache remembers about a reference
  fsmeta,
  vmdk,
  layer,
  recipe,  ///< ours, and only behind the end mark: what proves a layer
  litter,  ///< lock files that microsandbox 0.5 took for a part of its cache
};

/// What a member is, as its path says.
struct MemberName {
  MemberKind kind = MemberKind::directory;
  Layout layout = Layout::home;  ///< home for what belongs to none
  std::string owner;  ///< of a snapshot's member: its prefix, the hexadecimal digits of its digest, or its id; of a
                      ///< layer, the id of that
  std::string file;   ///< last component; for members of images without its suffix
};

/// Reads the path of a member. Only what the layouts have passes: no absolute or odd paths, no unknown names.
/// @retval Status::snapshot_archive  fact `member`
Result<MemberName> parse_member(std::string_view path, bool directory);

// The paths of members.
inline constexpr std::string_view kInventoryName = "archive.json";
std::string descriptor_member(Layout layout, std::string_view owner);
std::string file_member(Layout layout, std::string_view owner, std::string_view file);
std::string image_member(Layout layout, MemberKind kind, std::string_view name);

/// As whose member the legacy layout has a snapshot that has no better name: `sha256-` and sixteen digits.
std::string digest_prefix(const Digest& digest);
/// Whether the legacy layout can have a snapshot under that name.
bool is_prefix(std::string_view name);

/// snapshot_archive that is the fault of a member.
Error bad_member(std::string_view member, std::string_view why);

}  // namespace msb::snapshot
