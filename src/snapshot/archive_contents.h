#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "digest/digest.h"
#include "snapshot/archive_inventory.h"
#include "snapshot/archive_reader.h"
#include "snapshot/descriptor.h"

namespace msb::snapshot {

/// Digests of a member's content, as far as somebody has read it.
struct MemberDigests {
  std::optional<std::string> sha256;
  std::optional<std::string> transport;
};

/// A disk of a snapshot, or one of its layers.
struct ArchivedDisk {
  std::string owner;  ///< in the path of its member
  std::string path;
  std::string file;  ///< as it is unpacked
  std::string format;
  std::optional<Integrity> integrity;
};

/// A snapshot of an archive. What a member of a group becomes is another snapshot, with another descriptor.
struct ArchivedSnapshot {
  std::string owner;  ///< in the paths of its members
  Descriptor descriptor;
  Digest digest;
  std::string name;  ///< what the exporter called it; empty when nobody says
  /// By which its children name it, in the archive: the digest of the descriptor there, or an id.
  std::string id;
  std::vector<ArchivedDisk> disks;         ///< one; of a member of a group its layers, the lowest first
  std::optional<std::string> lost_parent;  ///< a parent that is not there, and without which nobody can name it
};

/// What an archive turns out to hold: told of each member in turn, it says at the end whether all of it fits together.
class ArchiveContents {
 public:
  /// A chain longer than that is refused. Upstream's own limit is 128.
  static constexpr size_t kMaxSnapshots = 128;

  /// Notes a member other than those below.
  Done add(const ArchiveMember& member, MemberDigests digests);
  Done add_descriptor(const ArchiveMember& member, std::string_view text, MemberDigests digests);
  Done add_labels(const ArchiveMember& member, std::string_view text, MemberDigests digests);
  Done add_inventory(std::string_view text);

  /// The disk with that owner. Null until its descriptor has been added.
  const ArchivedDisk* disk_of(const std::string& owner) const;

  /// Checks what is there against the inventory, and each disk's name and size against its descriptor, and returns the
  /// snapshots, every parent before its children, the exported one last. Members of groups become snapshots of
  /// `form_of_members`, or of Form::snapshot where the other one has no place for what they say.
  /// @retval Status::snapshot_archive    something is missing, too much, or of another size or digest
  /// @retval Status::snapshot_integrity  a descriptor is not what its digest says
  Result<std::vector<ArchivedSnapshot>> check(Form form_of_members) const;

 private:
  struct Seen {
    MemberName name;
    uint64_t stored = 0;
    uint64_t size = 0;
    MemberDigests digests;
  };

  Done check_inventory() const;
  Done check_owners() const;
  std::optional<std::string> owner_in_inventory(const Seen& seen) const;
  Done check_entry(const InventoryEntry& entry) const;
  Done add_disks(const ArchiveMember& descriptor, ArchivedSnapshot& snapshot);
  Done check_disk(const ArchivedSnapshot& snapshot, const ArchivedDisk& disk) const;
  Result<std::string> find_head() const;
  Result<std::vector<ArchivedSnapshot>> in_order() const;
  std::string name_of(const ArchivedSnapshot& snapshot) const;
  Done project(std::vector<ArchivedSnapshot>& chain, Form form) const;
  Layout layout() const;

  std::map<std::string, Seen> members_;                               // by path
  std::map<std::string, ArchivedSnapshot> snapshots_;                 // by owner
  std::map<std::string, std::string> disks_;                          // owners, by those of their disks
  std::map<std::string, std::map<std::string, std::string>> labels_;  // by owner
  std::optional<Inventory> inventory_;
};

/// Member of the inventory's extensions with the names of snapshots, by what the inventory calls them.
inline constexpr std::string_view kNamesExtension = "msb-snapshot-member-names";

}  // namespace msb::snapshot
