#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "json/node.h"
#include "snapshot/descriptor.h"

namespace msb::snapshot {

// Snapshots of microsandbox 0.7: members of groups (formats/snapshots.md §14). They are only ever read.

inline constexpr std::string_view kMemberPrefix = "snap_";
inline constexpr std::string_view kLayerPrefix = "layer_";
/// Whether a text is a prefix and 32 hexadecimal digits.
bool is_group_id(std::string_view text, std::string_view prefix);
/// Path of a layer, in the directory of a member and in archives.
std::string layer_file(const Layer& layer);
/// Whether the disk of a snapshot is there only as layers (layers.h).
bool is_layered(const Descriptor& descriptor);

/// Reads a descriptor in Form::member into an empty one, as parse_descriptor() does.
Done read_group_member(const json::Node& root, Descriptor& descriptor);
/// Its canonical bytes, by RFC 8785.
std::string member_bytes(const Descriptor& descriptor);

/// An extension of 0.7.2 with what a restored sandbox is to have: `{"user": …}`, who runs its commands. It is required,
/// though releases before it restore without, with the user of the image.
inline constexpr std::string_view kRestoreDefaults = "microsandbox.restore-defaults";
/// That user; nothing when the extension is not there, or says more than is known here.
std::optional<std::string> recorded_user(const Descriptor& descriptor);

// The files beside a descriptor, and the one of a group.
inline constexpr char kMemberLabels[] = "metadata.json";
inline constexpr char kMemberName[] = "group-member.json";
inline constexpr char kGroupHead[] = "group.json";
Result<std::map<std::string, std::string>> parse_member_labels(std::string_view text);
Result<std::string> parse_member_name(std::string_view text);
/// Id of the member that a group stands for.
Result<std::string> parse_group_head(std::string_view text);

}  // namespace msb::snapshot
