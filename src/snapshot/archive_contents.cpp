#include "snapshot/archive_contents.h"

#include <algorithm>
#include <set>
#include <utility>

#include "json/write.h"
#include "snapshot/group.h"
#include "snapshot/mapping.h"
#include "snapshot/reference.h"

namespace msb::snapshot {
namespace {

Error differs(const std::string& member, const std::string& what, const std::string& expected,
              const std::string& actual) {
  return bad_member(member, "does not have the " + what + " that the inventory says: expected " + expected +
                                ", found " + actual)
      .with("expected", expected)
      .with("actual", actual);
}

Error wrong_identity(const std::string& path, const std::string& expected, const std::string& actual) {
  return Error(Status::snapshot_integrity,
               "the descriptor " + path + " is that of another snapshot: expected " + expected + ", found " + actual)
      .with("member", path)
      .with("expected", expected)
      .with("actual", actual);
}

Form form_in(Layout layout) {
  if (layout == Layout::groups) return Form::member;
  return layout == Layout::legacy ? Form::manifest : Form::snapshot;
}

}  // namespace

Done ArchiveContents::add(const ArchiveMember& member, MemberDigests digests) {
  members_[member.path] = {member.name, member.stored, member.size, std::move(digests)};
  return {};
}

Done ArchiveContents::add_descriptor(const ArchiveMember& member, std::string_view text, MemberDigests digests) {
  MSB_CHECK(add(member, std::move(digests)));
  if (snapshots_.size() == kMaxSnapshots) {
    return Error(Status::snapshot_archive, "it has more than " + std::to_string(kMaxSnapshots) + " snapshots");
  }
  const Form form = form_in(member.name.layout);
  if (!snapshots_.empty() && snapshots_.begin()->second.descriptor.form != form) {
    return bad_member(member.path, "is of another layout than the members before it");
  }
  auto descriptor = parse_descriptor(text, form);
  if (!descriptor) return std::move(descriptor).error().in(member.path).with("member", member.path);
  if (descriptor->checkpoint) {
    return Error(Status::unsupported,
                 member.path + " is the descriptor of a checkpoint, which nothing here can restore")
        .with("member", member.path);
  }
  ArchivedSnapshot& snapshot = snapshots_[member.name.owner];
  snapshot.owner = member.name.owner;
  snapshot.descriptor = *std::move(descriptor);
  snapshot.digest = identity(snapshot.descriptor);
  if (form == Form::snapshot && snapshot.digest.hex() != snapshot.owner) {
    return wrong_identity(member.path, "sha256:" + snapshot.owner, snapshot.digest.text());
  }
  const auto& membership = snapshot.descriptor.membership;
  if (membership && membership->id != snapshot.owner) {
    return wrong_identity(member.path, snapshot.owner, membership->id);
  }
  snapshot.id = membership ? membership->id : snapshot.digest.text();
  return add_disks(member, snapshot);
}

Done ArchiveContents::add_disks(const ArchiveMember& descriptor, ArchivedSnapshot& snapshot) {
  const Descriptor& said = snapshot.descriptor;
  if (said.membership) {
    for (const Layer& layer : said.membership->layers) {
      snapshot.disks.push_back({layer.id, layer_file(layer), Descriptor().upper_file, layer.format, layer.integrity});
    }
  } else {
    snapshot.disks.push_back({snapshot.owner, file_member(descriptor.name.layout, snapshot.owner, said.upper_file),
                              said.upper_file, said.format, said.integrity});
  }
  for (const ArchivedDisk& disk : snapshot.disks) {
    if (!disks_.emplace(disk.owner, snapshot.owner).second) {
      return bad_member(descriptor.path, "has the layer of another snapshot");
    }
  }
  return {};
}

Done ArchiveContents::add_labels(const ArchiveMember& member, std::string_view text, MemberDigests digests) {
  MSB_CHECK(add(member, std::move(digests)));
  auto labels = parse_member_labels(text);
  if (!labels) return std::move(labels).error().in(member.path).with("member", member.path);
  labels_[member.name.owner] = *std::move(labels);
  return {};
}

Done ArchiveContents::add_inventory(std::string_view text) {
  MSB_TRY(inventory_, parse_inventory(text));
  return {};
}

const ArchivedDisk* ArchiveContents::disk_of(const std::string& owner) const {
  const auto found = disks_.find(owner);
  if (found == disks_.end()) return nullptr;
  const std::vector<ArchivedDisk>& disks = snapshots_.at(found->second).disks;
  return &*std::ranges::find(disks, owner, &ArchivedDisk::owner);
}

/// Of all its snapshots.
Layout ArchiveContents::layout() const {
  switch (snapshots_.begin()->second.descriptor.form) {
    case Form::manifest:
      return Layout::legacy;
    case Form::member:
      return Layout::groups;
    case Form::snapshot:
      break;
  }
  return Layout::current;
}

Result<std::vector<ArchivedSnapshot>> ArchiveContents::check(Form form_of_members) const {
  if (snapshots_.empty()) return Error(Status::snapshot_archive, "it holds no snapshot");
  if (inventory_) {
    MSB_CHECK(check_inventory());
  } else if (layout() != Layout::legacy) {
    // It comes last, so a cut at a member's end would go unseen, and every digest with it.
    return Error(Status::snapshot_archive, std::string(kInventoryName) + " is missing: it is cut short, or not whole");
  }
  for (const auto& [owner, snapshot] : snapshots_) {
    for (const ArchivedDisk& disk : snapshot.disks) MSB_CHECK(check_disk(snapshot, disk));
  }
  MSB_CHECK(check_owners());
  MSB_TRY(std::vector<ArchivedSnapshot> snapshots, in_order());
  if (layout() == Layout::groups) MSB_CHECK(project(snapshots, form_of_members));
  return snapshots;
}

Done ArchiveContents::check_owners() const {
  for (const auto& [path, seen] : members_) {
    const bool orphaned = (seen.name.kind == MemberKind::file && !disks_.contains(seen.name.owner)) ||
                          (seen.name.kind == MemberKind::labels && !snapshots_.contains(seen.name.owner));
    if (orphaned) return bad_member(path, "belongs to no snapshot");
  }
  return {};
}

Done ArchiveContents::check_inventory() const {
  if (inventory_->layout != layout()) return bad_member(kInventoryName, "is that of another layout");
  std::set<std::string> listed;
  for (const InventoryEntry& entry : inventory_->entries) {
    MSB_CHECK(check_entry(entry));
    if (entry.included && !listed.insert(entry.path).second) return bad_member(entry.path, "is listed twice");
  }
  for (const auto& [path, seen] : members_) {
    if (!inventory_kind(seen.name.kind).empty() && !listed.contains(path)) {
      return bad_member(path, "is not in the inventory");
    }
  }
  std::map<std::string, std::string> found;
  for (const auto& [owner, snapshot] : snapshots_) found.emplace(snapshot.id, snapshot.digest.text());
  if (found != inventory_->snapshots) {
    return bad_member(kInventoryName, "lists other snapshots than there are");
  }
  return {};
}

Done ArchiveContents::check_entry(const InventoryEntry& entry) const {
  const auto found = members_.find(entry.path);
  if (!entry.included) {
    if (found != members_.end()) return bad_member(entry.path, "is there, though the inventory says it is not");
    return {};
  }
  if (found == members_.end()) return bad_member(entry.path, "is missing");
  const Seen& seen = found->second;
  if (entry.kind != inventory_kind(seen.name.kind))
    return bad_member(entry.path, "is of another kind in the inventory");
  if (entry.owner != owner_in_inventory(seen)) {
    return bad_member(entry.path, "belongs to another snapshot in the inventory");
  }
  if (entry.encoded_size != seen.stored || entry.apparent_size != seen.size) {
    return differs(entry.path, "size", std::to_string(entry.encoded_size), std::to_string(seen.stored));
  }
  if (seen.name.kind == MemberKind::file) {
    const ArchivedDisk* const disk = disk_of(seen.name.owner);
    if (disk != nullptr && entry.integrity != disk->integrity) {
      return bad_member(entry.path, "has another digest in the inventory than in its descriptor");
    }
  } else {
    if (!entry.integrity || entry.integrity->algorithm != "sha256") {
      return bad_member(entry.path, "has no digest in the inventory");
    }
    if (seen.digests.sha256 && entry.integrity->digest != *seen.digests.sha256) {
      return differs(entry.path, "digest", entry.integrity->digest, *seen.digests.sha256);
    }
  }
  if (entry.transport && seen.digests.transport && *entry.transport != *seen.digests.transport) {
    return differs(entry.path, "transport digest", *entry.transport, *seen.digests.transport);
  }
  return {};
}

std::optional<std::string> ArchiveContents::owner_in_inventory(const Seen& seen) const {
  std::string owner = seen.name.owner;
  if (seen.name.kind == MemberKind::file) {
    const auto disk = disks_.find(owner);
    if (disk == disks_.end()) return std::nullopt;
    owner = disk->second;
  }
  const auto snapshot = snapshots_.find(owner);
  return snapshot == snapshots_.end() ? std::nullopt : std::optional(snapshot->second.id);
}

Done ArchiveContents::check_disk(const ArchivedSnapshot& snapshot, const ArchivedDisk& disk) const {
  const auto found = members_.find(disk.path);
  if (found == members_.end()) return bad_member(disk.path, "is missing: the snapshot has no disk");
  const uint64_t size = snapshot.descriptor.upper_size;
  const bool whole = found->second.size == size || (snapshot.descriptor.membership && disk.format != "raw");
  if (whole) return {};
  const std::string expected = std::to_string(size);
  const std::string actual = std::to_string(found->second.size);
  return Error(Status::snapshot_integrity, "the disk " + disk.path + " has " + actual + " bytes, not " + expected)
      .with("member", disk.path)
      .with("expected", expected)
      .with("actual", actual);
}

/// Owner of the snapshot that was exported.
Result<std::string> ArchiveContents::find_head() const {
  if (inventory_) {
    for (const auto& [owner, snapshot] : snapshots_) {
      if (snapshot.id == inventory_->head) return owner;
    }
    return bad_member(kInventoryName, "names a head that is not there");
  }
  std::set<std::string> parents;
  for (const auto& [owner, snapshot] : snapshots_) {
    if (snapshot.descriptor.parent) parents.insert(*snapshot.descriptor.parent);
  }
  std::vector<std::string> heads;
  for (const auto& [owner, snapshot] : snapshots_) {
    if (!parents.contains(snapshot.id)) heads.push_back(owner);
  }
  if (heads.size() == 1) return heads.front();
  return Error(Status::snapshot_archive, heads.empty() ? "its snapshots are each other's parents"
                                                       : "nothing tells which of its snapshots was exported");
}

Result<std::vector<ArchivedSnapshot>> ArchiveContents::in_order() const {
  MSB_TRY(const std::string head, find_head());
  std::map<std::string, std::string> owners;  // by what children name them by
  for (const auto& [owner, snapshot] : snapshots_) {
    if (!owners.emplace(snapshot.id, owner).second) {
      return bad_member(owner, "is a second copy of another snapshot in it");
    }
  }
  std::vector<ArchivedSnapshot> chain;
  std::set<std::string> taken;
  const auto take_chain = [&](const std::string& last) {
    std::vector<std::string> ancestors;  // youngest first
    for (std::string owner = last; taken.insert(owner).second;) {
      ancestors.push_back(owner);
      const auto& parent = snapshots_.at(owner).descriptor.parent;
      const auto found = parent ? owners.find(*parent) : owners.end();
      if (found == owners.end()) break;
      owner = found->second;
    }
    for (auto it = ancestors.rbegin(); it != ancestors.rend(); ++it) {
      ArchivedSnapshot snapshot = snapshots_.at(*it);
      snapshot.name = name_of(snapshot);
      chain.push_back(std::move(snapshot));
    }
  };
  for (const auto& [owner, snapshot] : snapshots_) {
    if (owner != head) take_chain(owner);
  }
  take_chain(head);
  // In an odd archive a head may be the parent of another: it still comes last.
  const auto place = std::ranges::find(chain, head, &ArchivedSnapshot::owner);
  std::rotate(place, place + 1, chain.end());
  return chain;
}

std::string ArchiveContents::name_of(const ArchivedSnapshot& snapshot) const {
  if (!inventory_) return snapshot.owner;
  if (snapshot.id == inventory_->head) return inventory_->suggested_name.value_or("");
  const json::Value extensions(inventory_->extensions);
  const json::Value* const names = extensions.find(kNamesExtension);
  const json::Value* const name = names == nullptr ? nullptr : names->find(snapshot.id);
  return name == nullptr || name->string() == nullptr ? "" : *name->string();
}

/// Makes members of groups what they will be; parents come first.
Done ArchiveContents::project(std::vector<ArchivedSnapshot>& chain, Form form) const {
  std::map<std::string, std::string> digests;  // by id
  for (ArchivedSnapshot& snapshot : chain) {
    const auto labels = labels_.find(snapshot.owner);
    if (labels != labels_.end()) snapshot.descriptor.labels = labels->second;
    std::optional<std::string> parent;
    if (snapshot.descriptor.parent) {
      const auto found = digests.find(*snapshot.descriptor.parent);
      if (found != digests.end()) parent = found->second;
      if (!parent) snapshot.lost_parent = snapshot.descriptor.parent;
    }
    auto projected = in_form(snapshot.descriptor, form, parent);
    if (!projected) projected = in_form(snapshot.descriptor, Form::snapshot, parent);
    MSB_TRY(snapshot.descriptor, std::move(projected));
    snapshot.digest = identity(snapshot.descriptor);
    digests.emplace(snapshot.id, snapshot.digest.text());
  }
  return {};
}

}  // namespace msb::snapshot
