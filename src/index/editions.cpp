#include "index/editions.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace msb::index {
namespace {

constexpr auto kMigrations = std::to_array<std::string_view>({
    "m20260305_000001_create_image_tables",
    "m20260305_000002_create_sandbox_tables",
    "m20260305_000003_create_storage_tables",
    "m20260305_000004_create_sandbox_images_table",
    "m20260410_000001_erofs_image_schema",
    "m20260501_000001_create_snapshot_index",
    "m20260517_000001_drop_sandbox_metric",
    "m20260527_000001_migrate_oci_rootfs_source",
    "m20260531_000001_create_sandbox_labels",
    "m20260531_000002_index_sandbox_labels_key_value",
    "m20260606_000001_named_volume_kinds",
    "m20260621_000001_add_sandbox_ephemeral",
    "m20260621_000002_create_maintenance_lease",
    "m20260703_000001_add_sandbox_active_config",
    "m20260708_000001_migrate_bind_rootfs_source",
    "m20260710_000001_migrate_root_disk",
    "m20260714_000001_add_snapshot_scope",
    "m20260723_000001_snapshot_artifact_transition",
    "m20260719_000001_create_cpu_allocations",
    "m20260803_000001_create_writeback_allocations",
    "m20260808_000001_create_memory_allocation_nodes",
    "m20260810_000001_rebuild_sandbox_labels",
    "m20260813_000001_share_cpu_allocations",
    "m20260824_000001_mount_owner_config",
    "m20260818_000001_sandbox_network_slot",
    "m20260829_000001_split_snapshot_identity",
    "m20260910_000001_snapshot_groups",
});

constexpr auto kEditions = std::to_array<Edition>({
    {5, "0.4.2", "0.4.2"},
    {6, "0.4.4", "0.4.4"},
    {7, "0.5.0", "0.5.0"},
    {8, "0.5.1", "0.5.4"},
    {10, "0.5.5", "0.5.5"},
    {11, "0.5.6", "0.5.7"},
    {13, "0.5.8", "0.6.3"},
    {14, "0.6.4", "0.6.6"},
    {18, "0.6.7", "0.6.8"},
    {23, "0.6.9", "0.6.14"},
    {25, "0.6.16", "0.6.18"},
    {27, "0.7.2", "0.7.2"},
});

constexpr size_t kOldestWritten = 11;  // the oldest tables we have seen a release make
constexpr size_t kDefault = 13;
constexpr size_t kLastManifest = 14;
constexpr size_t kNewestWritten = 25;

using Version = std::array<unsigned, 3>;

std::optional<Version> parse_version(std::string_view text) {
  Version version{};
  const char* at = text.data();
  const char* const end = at + text.size();
  for (unsigned& part : version) {
    if (&part != version.data() && (at == end || *at++ != '.')) return std::nullopt;
    const auto [next, code] = std::from_chars(at, end, part);
    if (code != std::errc()) return std::nullopt;
    at = next;
  }
  return at == end ? std::optional(version) : std::nullopt;
}

}  // namespace

Generation Edition::generation() const {
  if (migrations <= kLastManifest) return Generation::manifest;
  return migrations <= kNewestWritten ? Generation::descriptor : Generation::groups;
}

bool Edition::writable() const { return migrations >= kOldestWritten && migrations <= kNewestWritten; }
bool Edition::creatable() const { return migrations >= kDefault && migrations <= kNewestWritten; }

std::span<const std::string_view> migrations() { return kMigrations; }
std::span<const Edition> editions() { return kEditions; }

std::optional<Edition> edition_after(size_t migrations) {
  const auto found = std::ranges::find(kEditions, migrations, &Edition::migrations);
  return found == kEditions.end() ? std::nullopt : std::optional(*found);
}

std::optional<Edition> edition_of(std::string_view release) {
  const auto version = parse_version(release);
  if (!version) return std::nullopt;
  const auto found = std::ranges::find_if(kEditions, [&](const Edition& edition) {
    return *version >= *parse_version(edition.first) && *version <= *parse_version(edition.last);
  });
  return found == kEditions.end() ? std::nullopt : std::optional(*found);
}

Edition default_edition() { return *edition_after(kDefault); }
Edition newest_edition() { return *edition_after(kNewestWritten); }

}  // namespace msb::index
