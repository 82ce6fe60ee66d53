#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "digest/digest.h"
#include "json/node.h"
#include "json/value.h"

namespace msb::snapshot {

/// The two files that describe an artifact. Which one a home's owner writes depends on its release (FORMAT.md).
enum class Form {
  manifest,  ///< `manifest.json`, microsandbox up to 0.6.6
  snapshot,  ///< `snapshot.json`, 0.6.7 to 0.6.18
  member,    ///< `snapshot.json` of a member of a group, 0.7; only ever read
};

std::string_view file_name(Form form);

/// A recorded digest of the disk.
struct Integrity {
  std::string algorithm;
  std::string digest;         ///< `sha256:…`; `blake3:…` of the Merkle root
  uint64_t logical_size = 0;  ///< Merkle in Form::snapshot only, like the next
  uint32_t leaf_size = 0;

  bool operator==(const Integrity&) const = default;
};

/// As JSON: in a descriptor of that form, and, as Form::snapshot has it, in sidecars and in inventories of archives.
json::Value integrity_value(const Integrity& integrity, Form form);
/// Reads it, of a disk of `size` bytes. Form::manifest takes whatever looks like an algorithm and a digest.
Result<Integrity> read_integrity(const json::Node& node, Form form, uint64_t size);

/// State of a `checkpoint` artifact: known, but nothing here can restore one.
struct Checkpoint {
  std::string id;
  std::string manifest;
};

/// A part of the disk of a member of a group.
struct Layer {
  std::string id;              ///< `layer_…`
  std::string format = "raw";  ///< or `qcow2`
  std::optional<Integrity> integrity;
};

/// What only a member of a group has.
struct Membership {
  std::string id;             ///< `snap_…`, by which others name it as parent
  std::vector<Layer> layers;  ///< each over the one before it; one raw layer is the disk itself
  std::string consistency;
  std::optional<std::string> source_checkpoint;
  std::optional<std::string> name;  ///< within the group; from another file, as the labels are
};

/// What a descriptor says. A value; identity() is the digest of its canonical bytes, so whoever changes a member makes
/// another snapshot.
struct Descriptor {
  Form form = Form::manifest;
  std::string format = "raw";
  std::string fstype = "ext4";
  std::string image_ref;
  std::string image_digest;
  std::optional<std::string> parent;
  std::string created_at;
  std::map<std::string, std::string> labels;  ///< in bytewise order
  std::string upper_file = "upper.ext4";
  uint64_t upper_size = 0;
  std::optional<Integrity> integrity;
  std::optional<std::string> source_sandbox;

  // Form::snapshot only.
  std::string scope = "disk";
  std::optional<Checkpoint> checkpoint;  ///< in place of format, fstype and upper
  json::Object extensions;
  std::vector<std::string> requirements;

  std::optional<Membership> membership;  ///< Form::member only
};

/// Largest number of bytes that a descriptor names: every reader of JSON keeps integers up to it.
inline constexpr uint64_t kMaxSafeInteger = (uint64_t{1} << 53) - 1;

/// Most bytes a descriptor may have. Upstream's own limit for manifest.json; 10,000 long labels fit.
inline constexpr size_t kMaxDescriptor = size_t{1} << 20;

/// Reads and validates a descriptor by the rules of its form (formats/snapshots.md §7, §8, §14.2).
/// @retval Status::snapshot_integrity  with the member in the message
/// @retval Status::unsupported         in Form::member: more than a disk, or what we do not know; likewise
Result<Descriptor> parse_descriptor(std::string_view text, Form form);

/// The bytes that are hashed, and that are written to disk.
std::string canonical_bytes(const Descriptor& descriptor);
Digest identity(const Descriptor& descriptor);

/// One component that a payload may be called: neither `.` nor `..`, without `/`, and none of the names an artifact
/// uses itself.
bool is_payload_name(std::string_view name);

}  // namespace msb::snapshot
