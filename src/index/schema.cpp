#include "index/schema.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/time.h"

namespace msb::index {
namespace {

/// Migrations in the order in which releases apply them (formats/snapshots.md §5.3), and the last release that stops at
/// each. Where no release stops, a database is in the middle of an upgrade.
struct Migration {
  std::string_view id;
  std::string_view release;
};
constexpr auto kMigrations = std::to_array<Migration>({
    {"m20260305_000001_create_image_tables", ""},
    {"m20260305_000002_create_sandbox_tables", ""},
    {"m20260305_000003_create_storage_tables", ""},
    {"m20260305_000004_create_sandbox_images_table", ""},
    {"m20260410_000001_erofs_image_schema", "0.4.2"},
    {"m20260501_000001_create_snapshot_index", "0.4.4"},
    {"m20260517_000001_drop_sandbox_metric", "0.5.0"},
    {"m20260527_000001_migrate_oci_rootfs_source", "0.5.4"},
    {"m20260531_000001_create_sandbox_labels", ""},
    {"m20260531_000002_index_sandbox_labels_key_value", "0.5.5"},
    {"m20260606_000001_named_volume_kinds", "0.5.7"},
    {"m20260621_000001_add_sandbox_ephemeral", ""},
    {"m20260621_000002_create_maintenance_lease", "0.6.3"},
    {"m20260703_000001_add_sandbox_active_config", "0.6.6"},
    {"m20260708_000001_migrate_bind_rootfs_source", ""},
    {"m20260710_000001_migrate_root_disk", ""},
    {"m20260714_000001_add_snapshot_scope", ""},
    {"m20260723_000001_snapshot_artifact_transition", "0.6.8"},
    {"m20260719_000001_create_cpu_allocations", ""},
    {"m20260803_000001_create_writeback_allocations", ""},
    {"m20260808_000001_create_memory_allocation_nodes", ""},
    {"m20260810_000001_rebuild_sandbox_labels", ""},
    {"m20260813_000001_share_cpu_allocations", "0.6.14"},
    {"m20260824_000001_mount_owner_config", ""},
    {"m20260818_000001_sandbox_network_slot", "0.6.18"},
    {"m20260829_000001_split_snapshot_identity", ""},
    {"m20260910_000001_snapshot_groups", "0.7.2"},
});

constexpr size_t kOldestWritten = 11;  // the oldest tables we have seen a release make (0.5.7)
constexpr size_t kCreated = 13;
constexpr size_t kLastManifest = 14;
constexpr size_t kNewestWritten = 25;

/// The tables of microsandbox 0.6.3, word for word as that release leaves them in sqlite_master.
constexpr auto kTables =
    std::to_array<std::string_view>(
        {
            R"(CREATE TABLE "seaql_migrations" ( "version" varchar NOT NULL PRIMARY KEY, "applied_at" bigint NOT NULL ))",
            R"(CREATE TABLE "sandbox" ( "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "name" text NOT NULL UNIQUE, "config" text NOT NULL, "status" text NOT NULL, "created_at" datetime_text, "updated_at" datetime_text , "ephemeral" boolean NOT NULL DEFAULT FALSE))",
            R"(CREATE TABLE "run" ( "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "sandbox_id" integer NOT NULL, "pid" integer, "status" text NOT NULL, "exit_code" integer, "exit_signal" integer, "termination_reason" text, "termination_detail" text, "signals_sent" text, "started_at" datetime_text, "terminated_at" datetime_text, FOREIGN KEY ("sandbox_id") REFERENCES "sandbox" ("id") ON DELETE CASCADE ))",
            R"(CREATE TABLE "volume" ( "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "name" text NOT NULL UNIQUE, "quota_mib" integer, "size_bytes" bigint, "labels" text, "created_at" datetime_text, "updated_at" datetime_text , "kind" text NOT NULL DEFAULT 'dir', "capacity_bytes" bigint, "disk_format" text, "disk_fstype" text))",
            R"(CREATE TABLE "manifest" ( "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "digest" text NOT NULL UNIQUE, "media_type" text, "config_digest" text, "architecture" text, "os" text, "variant" text, "layer_count" integer, "total_size_bytes" bigint, "created_at" datetime_text ))",
            R"(CREATE TABLE "image_ref" ( "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "reference" text NOT NULL UNIQUE, "manifest_id" integer NOT NULL, "created_at" datetime_text, "updated_at" datetime_text, FOREIGN KEY ("manifest_id") REFERENCES "manifest" ("id") ON DELETE CASCADE ))",
            R"(CREATE TABLE "config" ( "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "manifest_id" integer NOT NULL UNIQUE, "digest" text NOT NULL, "env" text, "cmd" text, "entrypoint" text, "working_dir" text, "user" text, "labels" text, "stop_signal" text, "created_at" datetime_text, FOREIGN KEY ("manifest_id") REFERENCES "manifest" ("id") ON DELETE CASCADE ))",
            R"(CREATE TABLE "layer" ( "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "diff_id" text NOT NULL UNIQUE, "blob_digest" text NOT NULL, "media_type" text, "compressed_size_bytes" bigint, "erofs_size_bytes" bigint, "created_at" datetime_text, "last_used_at" datetime_text ))",
            R"(CREATE TABLE "manifest_layer" ( "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "manifest_id" integer NOT NULL, "layer_id" integer NOT NULL, "position" integer NOT NULL, FOREIGN KEY ("manifest_id") REFERENCES "manifest" ("id") ON DELETE CASCADE, FOREIGN KEY ("layer_id") REFERENCES "layer" ("id") ON DELETE RESTRICT ))",
            R"(CREATE TABLE "sandbox_rootfs" ( "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "sandbox_id" integer NOT NULL UNIQUE, "manifest_id" integer, "mode" text NOT NULL, "upper_fstype" text, "created_at" datetime_text, FOREIGN KEY ("sandbox_id") REFERENCES "sandbox" ("id") ON DELETE CASCADE, FOREIGN KEY ("manifest_id") REFERENCES "manifest" ("id") ON DELETE RESTRICT ))",
            R"(CREATE TABLE "snapshot_index" ( "digest" text NOT NULL PRIMARY KEY, "name" text, "parent_digest" text, "image_ref" text NOT NULL, "image_manifest_digest" text NOT NULL, "format" text NOT NULL, "fstype" text NOT NULL, "artifact_path" text NOT NULL, "size_bytes" bigint, "created_at" datetime_text NOT NULL, "indexed_at" datetime_text NOT NULL, "child_count" integer NOT NULL DEFAULT 0 ))",
            R"(CREATE TABLE "sandbox_labels" ( "sandbox_id" integer NOT NULL, "key" text NOT NULL, "value" text NOT NULL, PRIMARY KEY ("sandbox_id", "key"), FOREIGN KEY ("sandbox_id") REFERENCES "sandbox" ("id") ON DELETE CASCADE ))",
            R"(CREATE TABLE "volume_attach" ( "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "volume_id" integer NOT NULL, "sandbox_id" integer, "pid" integer NOT NULL, "mode" text NOT NULL, "created_at" datetime_text NOT NULL, FOREIGN KEY ("volume_id") REFERENCES "volume" ("id") ON DELETE CASCADE, FOREIGN KEY ("sandbox_id") REFERENCES "sandbox" ("id") ON DELETE SET NULL ))",
            R"(CREATE TABLE "maintenance_lease" ( "name" text NOT NULL PRIMARY KEY, "holder_pid" integer, "lease_expires_at" datetime_text NOT NULL, "last_completed_at" datetime_text ))",
            R"(CREATE UNIQUE INDEX "idx_manifest_layers_manifest_position" ON "manifest_layer" ("manifest_id", "position"))",
            R"(CREATE UNIQUE INDEX idx_snapshot_index_name ON snapshot_index (name) WHERE name IS NOT NULL)",
            R"(CREATE INDEX "idx_snapshot_index_parent" ON "snapshot_index" ("parent_digest"))",
            R"(CREATE INDEX "idx_snapshot_index_image" ON "snapshot_index" ("image_manifest_digest"))",
            R"(CREATE INDEX "idx_sandbox_labels_sandbox_id" ON "sandbox_labels" ("sandbox_id"))",
            R"(CREATE INDEX "idx_sandbox_labels_key_value" ON "sandbox_labels" ("key", "value"))",
            R"(CREATE INDEX "idx_volume_attach_volume_id" ON "volume_attach" ("volume_id"))",
            R"(CREATE INDEX "idx_sandbox_ephemeral_status" ON "sandbox" ("ephemeral", "status"))",
        });

std::string describe_release(size_t migrations) {
  const auto stop = std::find_if(kMigrations.begin() + static_cast<std::ptrdiff_t>(migrations) - 1, kMigrations.end(),
                                 [](const Migration& migration) { return !migration.release.empty(); });
  const bool between = kMigrations[migrations - 1].release.empty();
  return (between ? "an unfinished upgrade to microsandbox " : "microsandbox ") + std::string(stop->release) + " (" +
         std::to_string(migrations) + " migrations)";
}

}  // namespace

Result<Schema> Schema::read(Connection& connection) {
  Schema schema;
  MSB_TRY(Statement columns, connection.query("SELECT t.name, c.name FROM sqlite_master t, pragma_table_info(t.name) c "
                                              "WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%'"));
  for (;;) {
    MSB_TRY(const bool row, columns.step());
    if (!row) break;
    schema.columns_.emplace(columns.text(0), columns.text(1));
  }
  if (schema.columns_.empty()) return schema;
  schema.generation_ = Generation::unknown;
  if (!schema.has("seaql_migrations", "version")) return schema;

  // The set counts, not the order: ids with older dates were appended later.
  std::array<bool, kMigrations.size()> applied{};
  MSB_TRY(Statement history, connection.query("SELECT version FROM seaql_migrations"));
  for (;;) {
    MSB_TRY(const bool row, history.step());
    if (!row) break;
    ++schema.migrations_;
    const std::string id = history.text(0);
    const auto known = std::find_if(kMigrations.begin(), kMigrations.end(),
                                    [&](const Migration& migration) { return migration.id == id; });
    if (known == kMigrations.end()) {
      schema.stranger_ = id;
    } else {
      applied[static_cast<size_t>(known - kMigrations.begin())] = true;
    }
  }
  const auto prefix = static_cast<size_t>(std::find(applied.begin(), applied.end(), false) - applied.begin());
  if (prefix == 0 || prefix != schema.migrations_ || !schema.stranger_.empty()) return schema;
  schema.generation_ = prefix <= kLastManifest    ? Generation::manifest
                       : prefix <= kNewestWritten ? Generation::descriptor
                                                  : Generation::groups;
  return schema;
}

Done Schema::create(Connection& connection) {
  for (const std::string_view sql : kTables) MSB_CHECK(connection.execute(sql));
  constexpr int64_t kNanosPerSecond = 1'000'000'000;
  const int64_t now = now_ns() / kNanosPerSecond;
  for (size_t i = 0; i < kCreated; ++i) {
    MSB_CHECK(connection.execute("INSERT INTO seaql_migrations (version, applied_at) VALUES (?, ?)",
                                 {kMigrations[i].id, now}));
  }
  return {};
}

bool Schema::writable() const {
  if (generation_ != Generation::manifest && generation_ != Generation::descriptor) return false;
  return migrations_ >= kOldestWritten && !kMigrations[migrations_ - 1].release.empty();
}

std::string Schema::describe() const {
  switch (generation_) {
    case Generation::none:
      return "an empty database";
    case Generation::unknown:
      if (!stranger_.empty()) return "a later microsandbox (migration " + stranger_ + ")";
      return "an unknown program (no complete migration history)";
    default:
      return describe_release(migrations_);
  }
}

bool Schema::needs_sparse_digests() const {
  // The first migration of 0.6.9 makes that table.
  return generation_ == Generation::descriptor && !has("cpu_allocation", "id");
}

Error Schema::refusal(std::string_view path) const {
  std::string detail(path);
  detail += " has the schema of " + describe();
  if (generation_ == Generation::manifest && migrations_ < kOldestWritten) {
    detail += "; this library writes from " + describe_release(kOldestWritten) +
              " on: start a later microsandbox once to upgrade it";
  } else {
    detail += "; this library reads it, but writes only up to " + describe_release(kNewestWritten);
  }
  return Error(Status::database, detail)
      .with("path", path)
      .with("actual", describe())
      .with("expected", describe_release(kNewestWritten));
}

bool Schema::has(std::string_view table, std::string_view column) const {
  return columns_.contains(std::pair<std::string, std::string>(table, column));
}

}  // namespace msb::index
