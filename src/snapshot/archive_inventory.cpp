#include "snapshot/archive_inventory.h"

#include <array>

#include "json/node.h"
#include "json/parse.h"
#include "json/write.h"
#include "snapshot/group.h"

namespace msb::snapshot {
namespace {

using namespace std::string_view_literals;
using json::Node;

constexpr std::string_view kTransport = "msb-archive-member-blake3-v1";
constexpr std::string_view kGroupsSchema = "microsandbox.snapshot-archive/1";
constexpr size_t kMaxSuggestedName = 255;

Error unsupported(const std::string& what) {
  return Error(Status::unsupported, "the archive " + what + ", which this release does not know")
      .with("member", kInventoryName);
}

Result<std::string> digest_of(const Node& node, std::string_view algorithm) {
  MSB_TRY(const std::string_view text, node.string());
  const auto digest = Digest::parse(text);
  if (!digest || digest->algorithm() != algorithm) return node.fault("is not a digest");
  return std::string(text);
}

Done expect(const Node& owner, std::string_view name, const json::Value& value) {
  MSB_TRY(const Node node, owner.member(name));
  if (node.value() != value) return node.fault("is not " + json::write(value));
  return {};
}

Result<bool> flag(const Node& owner, std::string_view name) {
  MSB_TRY(const Node node, owner.member(name));
  return node.boolean();
}

Result<uint64_t> size_of(const Node& owner, std::string_view name) {
  MSB_TRY(const Node node, owner.member(name));
  return node.u64(kMaxSafeInteger);
}

Result<std::string> transport_of(const Node& node) {
  MSB_CHECK(node.only({"algorithm", "digest"}));
  MSB_CHECK(expect(node, "algorithm", kTransport));
  MSB_TRY(const Node digest, node.member("digest"));
  return digest_of(digest, "blake3");
}

/// How a snapshot is named.
Result<std::string> name_of(const Node& node, Layout layout) {
  if (layout == Layout::current) return digest_of(node, "sha256");
  MSB_TRY(const std::string_view text, node.string());
  if (!is_group_id(text, kMemberPrefix)) return node.fault("is no id of a snapshot");
  return std::string(text);
}

/// Pairs of offset and length, which the transport digest covers.
Done check_ranges(const Node& entry) {
  MSB_TRY(const Node ranges, entry.member("sparse_ranges"));
  MSB_TRY(const std::vector<Node> nodes, ranges.elements());
  for (const Node& node : nodes) {
    MSB_TRY(const std::vector<Node> pair, node.elements());
    if (pair.size() != 2) return node.fault("is no offset and length");
    for (const Node& number : pair) {
      MSB_TRY(const uint64_t bytes, number.u64(kMaxSafeInteger));
      static_cast<void>(bytes);
    }
  }
  return {};
}

Result<InventoryEntry> read_entry(const Node& node, Layout layout) {
  if (layout == Layout::groups) {
    MSB_CHECK(node.only({"path", "owner_snapshot", "kind", "included", "encoded_size", "apparent_size", "sparse_ranges",
                         "integrity", "transport_integrity"}));
    MSB_CHECK(check_ranges(node));
  } else {
    MSB_CHECK(node.only({"path", "owner_snapshot", "kind", "included", "encoded_size", "apparent_size", "integrity",
                         "transport_integrity"}));
  }
  InventoryEntry entry;
  MSB_TRY(const Node path, node.member("path"));
  MSB_TRY(entry.path, path.string());
  MSB_TRY(const Node owner, node.member("owner_snapshot"));
  if (!owner.is_null()) {
    MSB_TRY(entry.owner, name_of(owner, layout));
  }
  MSB_TRY(const Node kind, node.member("kind"));
  MSB_TRY(entry.kind, kind.string());
  MSB_TRY(entry.included, flag(node, "included"));
  MSB_TRY(entry.encoded_size, size_of(node, "encoded_size"));
  MSB_TRY(entry.apparent_size, size_of(node, "apparent_size"));
  MSB_TRY(const Node integrity, node.member("integrity"));
  if (!integrity.is_null()) {
    MSB_TRY(entry.integrity, read_integrity(integrity, Form::snapshot, entry.apparent_size));
  }
  if (node.value().find("transport_integrity") != nullptr) {
    MSB_TRY(const Node transport, node.member("transport_integrity"));
    MSB_TRY(entry.transport, transport_of(transport));
  }
  return entry;
}

Done read_snapshots(const Node& root, Inventory& inventory) {
  MSB_TRY(const Node list, root.member("snapshots"));
  MSB_TRY(const std::vector<Node> nodes, list.elements());
  std::string before;
  for (const Node& node : nodes) {
    MSB_CHECK(node.only({"snapshot_id", "descriptor"}));
    MSB_TRY(const Node id, node.member("snapshot_id"));
    MSB_TRY(const std::string digest, digest_of(id, "sha256"));
    if (digest <= before) return id.fault("is out of order");
    MSB_CHECK(expect(node, "descriptor", descriptor_member(Layout::current, std::string_view(digest).substr(7))));
    inventory.snapshots.emplace(digest, digest);
    before = digest;
  }
  return {};
}

Done read_members(const Node& root, Inventory& inventory) {
  MSB_TRY(const Node list, root.member("members"));
  MSB_TRY(const std::vector<Node> nodes, list.elements());
  for (const Node& node : nodes) {
    MSB_CHECK(node.only({"snapshot_id", "descriptor_path", "descriptor_digest"}));
    MSB_TRY(const Node id, node.member("snapshot_id"));
    MSB_TRY(const std::string name, name_of(id, Layout::groups));
    MSB_CHECK(expect(node, "descriptor_path", descriptor_member(Layout::groups, name)));
    MSB_TRY(const Node digest, node.member("descriptor_digest"));
    MSB_TRY(std::string text, digest_of(digest, "sha256"));
    if (!inventory.snapshots.emplace(name, std::move(text)).second) return id.fault("is there twice");
  }
  return {};
}

Done read_entries(const Node& root, Inventory& inventory) {
  MSB_TRY(const Node list, root.member("entries"));
  MSB_TRY(const std::vector<Node> nodes, list.elements());
  for (const Node& node : nodes) {
    MSB_TRY(InventoryEntry entry, read_entry(node, inventory.layout));
    if (inventory.layout == Layout::current && !inventory.entries.empty() &&
        entry.path <= inventory.entries.back().path) {
      return node.fault("is out of order");
    }
    if (inventory.with_transport && !entry.transport) return node.fault("has no transport_integrity");
    inventory.entries.push_back(std::move(entry));
  }
  return {};
}

/// What must be understood, or the archive means something else.
Done read_requirements(const Node& root, Inventory& inventory) {
  MSB_TRY(const Node completeness, root.member("completeness"));
  MSB_TRY(const std::string_view complete, completeness.string());
  if (complete != "boot-complete") return unsupported("is of completeness " + json::write(completeness.value()));
  MSB_TRY(const Node requires_node, root.member("requires"));
  MSB_TRY(const std::vector<std::string> requirements, requires_node.strings());
  if (requirements.size() > 1 || (requirements.size() == 1 && requirements[0] != kTransport)) {
    return unsupported("requires " + json::write(requires_node.value()));
  }
  inventory.with_transport = !requirements.empty();
  return {};
}

Done check_protection(const Node& root) {
  MSB_TRY(const Node protection, root.member("protection_requirements"));
  MSB_TRY(const std::vector<Node> protections, protection.elements());
  return protections.empty() ? Done() : unsupported("has protection requirements");
}

/// What the inventory sums up.
Done check_limits(const Node& root, const Inventory& inventory) {
  MSB_TRY(const Node limits, root.member("limits"));
  MSB_CHECK(limits.only({"entry_count", "encoded_bytes", "apparent_bytes"}));
  uint64_t count = 0;
  uint64_t encoded = 0;
  uint64_t apparent = 0;
  for (const InventoryEntry& entry : inventory.entries) {
    if (!entry.included) continue;
    ++count;
    encoded += entry.encoded_size;
    apparent += entry.apparent_size;
  }
  MSB_CHECK(expect(limits, "entry_count", count));
  MSB_CHECK(expect(limits, "encoded_bytes", encoded));
  return expect(limits, "apparent_bytes", apparent);
}

/// What is said in another way by each layout.
Done read_current(const Node& root, Inventory& inventory) {
  MSB_CHECK(expect(root, "schema", 1));
  MSB_CHECK(root.only({"schema", "artifact", "head", "suggested_name", "completeness", "with_parents", "with_image",
                       "snapshots", "entries", "protection_requirements", "extensions", "requires"}));
  MSB_CHECK(expect(root, "artifact", "snapshot-archive"));
  MSB_TRY(inventory.with_parents, flag(root, "with_parents"));
  MSB_TRY(inventory.with_image, flag(root, "with_image"));
  MSB_CHECK(check_protection(root));
  return read_snapshots(root, inventory);
}

Done read_groups(const Node& root, Inventory& inventory) {
  MSB_CHECK(root.only(
      {"schema", "head", "suggested_name", "completeness", "members", "entries", "limits", "extensions", "requires"}));
  return read_members(root, inventory);
}

Result<Inventory> read_inventory(const Node& root) {
  Inventory inventory;
  MSB_TRY(const Node schema, root.member("schema"));
  if (schema.value() == json::Value(std::string(kGroupsSchema))) inventory.layout = Layout::groups;
  MSB_CHECK(inventory.layout == Layout::groups ? read_groups(root, inventory) : read_current(root, inventory));
  MSB_TRY(const Node head, root.member("head"));
  MSB_TRY(inventory.head, name_of(head, inventory.layout));
  MSB_TRY(const Node name, root.member("suggested_name"));
  if (!name.is_null()) {
    MSB_TRY(const std::string_view text, name.string());
    if (text.empty() || text.size() > kMaxSuggestedName || text.find_first_of("/\\") != std::string_view::npos) {
      return name.fault("is no name");
    }
    inventory.suggested_name = text;
  }
  MSB_CHECK(read_requirements(root, inventory));
  MSB_CHECK(read_entries(root, inventory));
  if (inventory.layout == Layout::groups) MSB_CHECK(check_limits(root, inventory));
  MSB_TRY(const Node extensions, root.member("extensions"));
  if (extensions.value().object() == nullptr) return extensions.fault("is not an object");
  inventory.extensions = *extensions.value().object();
  return inventory;
}

json::Value entry_value(const InventoryEntry& entry) {
  json::Value integrity;
  if (entry.integrity) integrity = integrity_value(*entry.integrity, Form::snapshot);
  json::Object value{
      {"path", entry.path},         {"owner_snapshot", entry.owner},      {"kind", entry.kind},
      {"included", entry.included}, {"encoded_size", entry.encoded_size}, {"apparent_size", entry.apparent_size},
      {"integrity", integrity}};
  if (entry.transport) {
    value.push_back(
        {"transport_integrity", json::Object{{"algorithm", std::string(kTransport)}, {"digest", *entry.transport}}});
  }
  return value;
}

}  // namespace

std::string_view inventory_kind(MemberKind kind) {
  switch (kind) {
    case MemberKind::descriptor:
      return "snapshot-descriptor";
    case MemberKind::labels:
      return "snapshot-metadata";
    case MemberKind::file:
      return "file-payload";
    case MemberKind::image_document:
      return "image-metadata";
    case MemberKind::fsmeta:
    case MemberKind::vmdk:
    case MemberKind::layer:
      return "image-object";
    case MemberKind::directory:
    case MemberKind::inventory:
    case MemberKind::recipe:
    case MemberKind::litter:
      break;
  }
  return {};
}

std::string write_inventory(const Inventory& inventory) {
  json::Array snapshots;
  for (const auto& [digest, descriptor] : inventory.snapshots) {
    snapshots.emplace_back(
        json::Object{{"snapshot_id", digest}, {"descriptor", descriptor_member(Layout::current, digest.substr(7))}});
  }
  json::Array entries;
  for (const InventoryEntry& entry : inventory.entries) entries.push_back(entry_value(entry));
  json::Array requirements;
  if (inventory.with_transport) requirements.emplace_back(std::string(kTransport));
  return json::write(json::Object{{"schema", 1},
                                  {"artifact", "snapshot-archive"},
                                  {"head", inventory.head},
                                  {"suggested_name", inventory.suggested_name},
                                  {"completeness", "boot-complete"},
                                  {"with_parents", inventory.with_parents},
                                  {"with_image", inventory.with_image},
                                  {"snapshots", snapshots},
                                  {"entries", entries},
                                  {"protection_requirements", json::Array()},
                                  {"extensions", json::sorted(json::Value(inventory.extensions))},
                                  {"requires", requirements}});
}

Result<Inventory> parse_inventory(std::string_view text) {
  json::ParseOptions options;
  options.max_bytes = kMaxInventory;
  options.status = Status::snapshot_archive;
  auto inventory = [&]() -> Result<Inventory> {
    MSB_TRY(const json::Value document, json::parse(text, options));
    return read_inventory(Node(document, options.status));
  }();
  if (!inventory) return std::move(inventory).error().in(kInventoryName).with("member", kInventoryName);
  if (inventory->layout == Layout::current && write_inventory(*inventory) != text)
    return bad_member(kInventoryName, "is not in its canonical form");
  return inventory;
}

TransportHash::TransportHash(std::string_view kind, std::string_view path, uint64_t encoded_size,
                             uint64_t apparent_size, const std::vector<uint64_t>& map) {
  hash_.update(as_bytes(kTransport));
  hash_.update(as_bytes("\0"sv));
  add_text(kind);
  add_text(path);
  add_number(encoded_size);
  add_number(apparent_size);
  add_number(map.size() / 2);
  for (const uint64_t number : map) add_number(number);
}

void TransportHash::add_number(uint64_t number) {
  std::array<std::byte, 8> bytes;
  store_le(bytes, 0, number);
  hash_.update(bytes);
}

void TransportHash::add_text(std::string_view text) {
  add_number(text.size());
  hash_.update(as_bytes(text));
}

}  // namespace msb::snapshot
