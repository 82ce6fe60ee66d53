#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "digest/blake3.h"
#include "digest/digest.h"
#include "json/value.h"
#include "snapshot/archive_member.h"
#include "snapshot/descriptor.h"

namespace msb::snapshot {

/// A member as the inventory has it.
struct InventoryEntry {
  std::string path;
  std::optional<std::string> owner;  ///< the snapshot, by digest or id
  std::string kind;
  bool included = true;
  uint64_t encoded_size = 0;   ///< stored bytes
  uint64_t apparent_size = 0;  ///< bytes with holes
  std::optional<Integrity> integrity;
  std::optional<std::string> transport;  ///< digest of TransportHash
};

/// `archive.json` (formats/snapshots.md §11.5, §11.7). Snapshots are named by their digests, or by their ids in
/// Layout::groups.
struct Inventory {
  Layout layout = Layout::current;
  std::string head;  ///< the snapshot that was exported
  std::optional<std::string> suggested_name;
  bool with_parents = false;
  bool with_image = false;
  std::map<std::string, std::string> snapshots;  ///< digests of their descriptors
  std::vector<InventoryEntry> entries;           ///< by path, ascending; as they come in Layout::groups
  json::Object extensions;
  bool with_transport = false;  ///< every entry has a transport digest, and says so
};

inline constexpr size_t kMaxInventory = size_t{4} << 20;

/// How the inventory names that kind of member; empty for those it does not list.
std::string_view inventory_kind(MemberKind kind);

/// In Layout::current.
std::string write_inventory(const Inventory& inventory);
/// Reads what write_inventory() writes, and nothing else: one document has one spelling. Or one in Layout::groups.
/// @retval Status::snapshot_archive  malformed or not canonical
/// @retval Status::unsupported       it asks for what nobody here knows
Result<Inventory> parse_inventory(std::string_view text);

/// `msb-archive-member-blake3-v1`: the digest of a member on its way. It covers the stored bytes, where they belong,
/// and what the member is.
class TransportHash {
 public:
  /// `map` is that of a sparse member, empty pairs included; empty for a dense one.
  TransportHash(std::string_view kind, std::string_view path, uint64_t encoded_size, uint64_t apparent_size,
                const std::vector<uint64_t>& map);

  void update(Bytes stored) { hash_.update(stored); }
  std::string digest() const { return hash_.digest().text(); }

 private:
  void add_number(uint64_t number);
  void add_text(std::string_view text);

  Blake3 hash_;
};

}  // namespace msb::snapshot
