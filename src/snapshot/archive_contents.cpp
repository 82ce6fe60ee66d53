#include "snapshot/archive_contents.h"

#include <algorithm>
#include <set>
#include <utility>

#include "json/write.h"
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
               "the descriptor " + path + " is not the one of that digest: expected " + expected + ", found " + actual)
      .with("member", path)
      .with("expected", expected)
      .with("actual", actual);
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
  const Form form = member.name.layout == Layout::legacy ? Form::manifest : Form::snapshot;
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
  return {};
}

Done ArchiveContents::add_inventory(std::string_view text) {
  MSB_TRY(inventory_, parse_inventory(text));
  return {};
}

const Descriptor* ArchiveContents::descriptor_of(const std::string& owner) const {
  const auto found = snapshots_.find(owner);
  return found == snapshots_.end() ? nullptr : &found->second.descriptor;
}

Result<std::vector<ArchivedSnapshot>> ArchiveContents::check() const {
  if (snapshots_.empty()) return Error(Status::snapshot_archive, "it holds no snapshot");
  if (inventory_) {
    MSB_CHECK(check_inventory());
  } else if (snapshots_.begin()->second.descriptor.form == Form::snapshot) {
    // It comes last, so a cut at a member's end would go unseen, and every digest with it.
    return Error(Status::snapshot_archive, std::string(kInventoryName) + " is missing: it is cut short, or not whole");
  }
  for (const auto& [owner, snapshot] : snapshots_) MSB_CHECK(check_disk(snapshot));
  for (const auto& [path, seen] : members_) {
    const bool of_snapshot = seen.name.kind == MemberKind::file;
    if (of_snapshot && !snapshots_.contains(seen.name.owner)) return bad_member(path, "belongs to no snapshot");
  }
  return in_order();
}

Done ArchiveContents::check_inventory() const {
  std::set<std::string> listed;
  for (const InventoryEntry& entry : inventory_->entries) {
    MSB_CHECK(check_entry(entry));
    if (entry.included) listed.insert(entry.path);
  }
  for (const auto& [path, seen] : members_) {
    if (!inventory_kind(seen.name.kind).empty() && !listed.contains(path)) {
      return bad_member(path, "is not in the inventory");
    }
  }
  std::set<std::string> digests;
  for (const auto& [owner, snapshot] : snapshots_) digests.insert(snapshot.digest.text());
  if (!std::ranges::equal(digests, inventory_->snapshots)) {
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
  const bool owned = seen.name.kind == MemberKind::descriptor || seen.name.kind == MemberKind::file;
  if (entry.owner != (owned ? std::optional("sha256:" + seen.name.owner) : std::nullopt)) {
    return bad_member(entry.path, "belongs to another snapshot in the inventory");
  }
  if (entry.encoded_size != seen.stored || entry.apparent_size != seen.size) {
    return differs(entry.path, "size", std::to_string(entry.encoded_size), std::to_string(seen.stored));
  }
  if (seen.name.kind == MemberKind::file) {
    const Descriptor* const descriptor = descriptor_of(seen.name.owner);
    if (descriptor != nullptr && entry.integrity != descriptor->integrity) {
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

Done ArchiveContents::check_disk(const ArchivedSnapshot& snapshot) const {
  const Descriptor& descriptor = snapshot.descriptor;
  const Layout layout = descriptor.form == Form::manifest ? Layout::legacy : Layout::current;
  const std::string path = file_member(layout, snapshot.owner, descriptor.upper_file);
  const auto found = members_.find(path);
  if (found == members_.end()) return bad_member(path, "is missing: the snapshot has no disk");
  if (found->second.size == descriptor.upper_size) return {};
  const std::string expected = std::to_string(descriptor.upper_size);
  const std::string actual = std::to_string(found->second.size);
  return Error(Status::snapshot_integrity, "the disk " + path + " has " + actual + " bytes, not " + expected)
      .with("member", path)
      .with("expected", expected)
      .with("actual", actual);
}

/// Owner of the snapshot that was exported.
Result<std::string> ArchiveContents::find_head() const {
  if (inventory_) {
    for (const auto& [owner, snapshot] : snapshots_) {
      if (snapshot.digest.text() == inventory_->head) return owner;
    }
    return bad_member(kInventoryName, "names a head that is not there");
  }
  std::set<std::string> parents;
  for (const auto& [owner, snapshot] : snapshots_) {
    if (snapshot.descriptor.parent) parents.insert(*snapshot.descriptor.parent);
  }
  std::vector<std::string> heads;
  for (const auto& [owner, snapshot] : snapshots_) {
    if (!parents.contains(snapshot.digest.text())) heads.push_back(owner);
  }
  if (heads.size() == 1) return heads.front();
  return Error(Status::snapshot_archive, heads.empty() ? "its snapshots are each other's parents"
                                                       : "nothing tells which of its snapshots was exported");
}

Result<std::vector<ArchivedSnapshot>> ArchiveContents::in_order() const {
  MSB_TRY(const std::string head, find_head());
  std::map<std::string, std::string> owners;  // by digest
  for (const auto& [owner, snapshot] : snapshots_) {
    if (!owners.emplace(snapshot.digest.text(), owner).second) {
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
  if (snapshot.digest.text() == inventory_->head) return inventory_->suggested_name.value_or("");
  const json::Value extensions(inventory_->extensions);
  const json::Value* const names = extensions.find(kNamesExtension);
  const json::Value* const name = names == nullptr ? nullptr : names->find(snapshot.digest.text());
  return name == nullptr || name->string() == nullptr ? "" : *name->string();
}

}  // namespace msb::snapshot
