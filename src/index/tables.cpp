#include <array>
#include <limits>

#include "index/editions.h"

namespace msb::index {
namespace {

constexpr size_t kEver = std::numeric_limits<size_t>::max();

/// A table or an index, in the words that it has in sqlite_master from one number of migrations up to another.
struct Definition {
  size_t since;
  size_t until;
  std::string_view sql;
};

// clang-format off
constexpr auto kDefinitions = std::to_array<Definition>({
    {0, 23, R"(CREATE TABLE "seaql_migrations" ( "version" varchar NOT NULL PRIMARY KEY, "applied_at" bigint NOT NULL ))"},
    {0, 14, R"(CREATE TABLE "sandbox" ( "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "name" text NOT NULL UNIQUE, "config" text NOT NULL, "status" text NOT NULL, "created_at" datetime_text, "updated_at" datetime_text , "ephemeral" boolean NOT NULL DEFAULT FALSE))"},
    {0, kEver, R"(CREATE TABLE "run" ( "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "sandbox_id" integer NOT NULL, "pid" integer, "status" text NOT NULL, "exit_code" integer, "exit_signal" integer, "termination_reason" text, "termination_detail" text, "signals_sent" text, "started_at" datetime_text, "terminated_at" datetime_text, FOREIGN KEY ("sandbox_id") REFERENCES "sandbox" ("id") ON DELETE CASCADE ))"},
    {0, 23, R"(CREATE TABLE "volume" ( "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "name" text NOT NULL UNIQUE, "quota_mib" integer, "size_bytes" bigint, "labels" text, "created_at" datetime_text, "updated_at" datetime_text , "kind" text NOT NULL DEFAULT 'dir', "capacity_bytes" bigint, "disk_format" text, "disk_fstype" text))"},
    {0, 23, R"(CREATE TABLE "manifest" ( "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "digest" text NOT NULL UNIQUE, "media_type" text, "config_digest" text, "architecture" text, "os" text, "variant" text, "layer_count" integer, "total_size_bytes" bigint, "created_at" datetime_text ))"},
    {0, kEver, R"(CREATE TABLE "image_ref" ( "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "reference" text NOT NULL UNIQUE, "manifest_id" integer NOT NULL, "created_at" datetime_text, "updated_at" datetime_text, FOREIGN KEY ("manifest_id") REFERENCES "manifest" ("id") ON DELETE CASCADE ))"},
    {0, kEver, R"(CREATE TABLE "config" ( "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "manifest_id" integer NOT NULL UNIQUE, "digest" text NOT NULL, "env" text, "cmd" text, "entrypoint" text, "working_dir" text, "user" text, "labels" text, "stop_signal" text, "created_at" datetime_text, FOREIGN KEY ("manifest_id") REFERENCES "manifest" ("id") ON DELETE CASCADE ))"},
    {0, 23, R"(CREATE TABLE "layer" ( "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "diff_id" text NOT NULL UNIQUE, "blob_digest" text NOT NULL, "media_type" text, "compressed_size_bytes" bigint, "erofs_size_bytes" bigint, "created_at" datetime_text, "last_used_at" datetime_text ))"},
    {0, kEver, R"(CREATE TABLE "manifest_layer" ( "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "manifest_id" integer NOT NULL, "layer_id" integer NOT NULL, "position" integer NOT NULL, FOREIGN KEY ("manifest_id") REFERENCES "manifest" ("id") ON DELETE CASCADE, FOREIGN KEY ("layer_id") REFERENCES "layer" ("id") ON DELETE RESTRICT ))"},
    {0, 18, R"(CREATE TABLE "sandbox_rootfs" ( "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "sandbox_id" integer NOT NULL UNIQUE, "manifest_id" integer, "mode" text NOT NULL, "upper_fstype" text, "created_at" datetime_text, FOREIGN KEY ("sandbox_id") REFERENCES "sandbox" ("id") ON DELETE CASCADE, FOREIGN KEY ("manifest_id") REFERENCES "manifest" ("id") ON DELETE RESTRICT ))"},
    {0, 18, R"(CREATE TABLE "snapshot_index" ( "digest" text NOT NULL PRIMARY KEY, "name" text, "parent_digest" text, "image_ref" text NOT NULL, "image_manifest_digest" text NOT NULL, "format" text NOT NULL, "fstype" text NOT NULL, "artifact_path" text NOT NULL, "size_bytes" bigint, "created_at" datetime_text NOT NULL, "indexed_at" datetime_text NOT NULL, "child_count" integer NOT NULL DEFAULT 0 ))"},
    {0, kEver, R"(CREATE TABLE "sandbox_labels" ( "sandbox_id" integer NOT NULL, "key" text NOT NULL, "value" text NOT NULL, PRIMARY KEY ("sandbox_id", "key"), FOREIGN KEY ("sandbox_id") REFERENCES "sandbox" ("id") ON DELETE CASCADE ))"},
    {0, kEver, R"(CREATE TABLE "volume_attach" ( "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "volume_id" integer NOT NULL, "sandbox_id" integer, "pid" integer NOT NULL, "mode" text NOT NULL, "created_at" datetime_text NOT NULL, FOREIGN KEY ("volume_id") REFERENCES "volume" ("id") ON DELETE CASCADE, FOREIGN KEY ("sandbox_id") REFERENCES "sandbox" ("id") ON DELETE SET NULL ))"},
    {0, kEver, R"(CREATE TABLE "maintenance_lease" ( "name" text NOT NULL PRIMARY KEY, "holder_pid" integer, "lease_expires_at" datetime_text NOT NULL, "last_completed_at" datetime_text ))"},
    {14, 25, R"(CREATE TABLE "sandbox" ( "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "name" text NOT NULL UNIQUE, "config" text NOT NULL, "status" text NOT NULL, "created_at" datetime_text, "updated_at" datetime_text , "ephemeral" boolean NOT NULL DEFAULT FALSE, "active_config" text))"},
    {18, kEver, R"(CREATE TABLE "sandbox_rootfs" ( "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "sandbox_id" integer NOT NULL UNIQUE, "manifest_id" integer, "mode" text NOT NULL, "upper_fstype" text, "created_at" datetime_text, "root_disk_kind" text NOT NULL DEFAULT 'managed', "root_disk_path" text, FOREIGN KEY ("sandbox_id") REFERENCES "sandbox" ("id") ON DELETE CASCADE, FOREIGN KEY ("manifest_id") REFERENCES "manifest" ("id") ON DELETE RESTRICT ))"},
    {18, kEver, R"(CREATE TABLE snapshot_index (digest TEXT NOT NULL PRIMARY KEY,name TEXT,parent_digest TEXT,scope TEXT NOT NULL,state_kind TEXT NOT NULL,image_ref TEXT NOT NULL,image_manifest_digest TEXT NOT NULL,format TEXT,fstype TEXT,checkpoint_manifest_digest TEXT,artifact_path TEXT NOT NULL,size_bytes BIGINT,locality TEXT NOT NULL DEFAULT 'embedded',storage_binding_id TEXT,availability TEXT NOT NULL DEFAULT 'ready',migration_state TEXT NOT NULL DEFAULT 'canonical',migration_error_code TEXT,created_at DATETIME NOT NULL,indexed_at DATETIME NOT NULL,child_count INTEGER NOT NULL DEFAULT 0))"},
    {18, kEver, R"(CREATE TABLE snapshot_artifact_migration (id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,kind TEXT NOT NULL,artifact_path TEXT NOT NULL,indexed_digest TEXT,source_digest TEXT,target_digest TEXT,source_parent_digest TEXT,target_parent_digest TEXT,payload_integrity TEXT,payload_size BIGINT,payload_file_identity TEXT,phase TEXT NOT NULL,attempts INTEGER NOT NULL DEFAULT 0,error_code TEXT,error_detail TEXT,discovered_at DATETIME NOT NULL,updated_at DATETIME NOT NULL,completed_at DATETIME,recovery_member TEXT,translation_source TEXT,UNIQUE(kind, artifact_path)))"},
    {23, kEver, R"(CREATE TABLE "seaql_migrations" ( "version" varchar NOT NULL PRIMARY KEY, "applied_at" integer NOT NULL ))"},
    {23, kEver, R"(CREATE TABLE "volume" ( "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "name" text NOT NULL UNIQUE, "quota_mib" integer, "size_bytes" integer, "labels" text, "created_at" datetime_text, "updated_at" datetime_text , "kind" text NOT NULL DEFAULT 'dir', "capacity_bytes" integer, "disk_format" text, "disk_fstype" text))"},
    {23, kEver, R"(CREATE TABLE "manifest" ( "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "digest" text NOT NULL UNIQUE, "media_type" text, "config_digest" text, "architecture" text, "os" text, "variant" text, "layer_count" integer, "total_size_bytes" integer, "created_at" datetime_text ))"},
    {23, kEver, R"(CREATE TABLE "layer" ( "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "diff_id" text NOT NULL UNIQUE, "blob_digest" text NOT NULL, "media_type" text, "compressed_size_bytes" integer, "erofs_size_bytes" integer, "created_at" datetime_text, "last_used_at" datetime_text ))"},
    {23, kEver, R"(CREATE TABLE "cpu_allocation" ( "id" text NOT NULL PRIMARY KEY, "run_id" integer NOT NULL UNIQUE, "requested_policy" text NOT NULL, "resolved_policy" text NOT NULL, "enforcement" text NOT NULL, "topology_fingerprint" text NOT NULL, "lease_name" text NOT NULL UNIQUE, "state" text NOT NULL, "created_at" datetime_text NOT NULL, FOREIGN KEY ("run_id") REFERENCES "run" ("id") ON DELETE CASCADE ))"},
    {23, kEver, R"(CREATE TABLE "writeback_allocation" ( "id" text NOT NULL PRIMARY KEY, "run_id" integer NOT NULL UNIQUE, "lease_name" text NOT NULL UNIQUE, "per_disk_limit_bytes" integer NOT NULL, "disk_count" integer NOT NULL, "reserved_bytes" integer NOT NULL, "pool_bytes" integer NOT NULL, "boot_id" text NOT NULL, "backing_devices" text NOT NULL, "created_at" datetime_text NOT NULL ))"},
    {23, kEver, R"(CREATE TABLE "memory_allocation_node" ( "allocation_id" text NOT NULL, "guest_numa_node" integer NOT NULL, "host_numa_node" integer NOT NULL, "boot_mib" integer NOT NULL, "max_mib" integer NOT NULL, PRIMARY KEY ("allocation_id", "guest_numa_node"), FOREIGN KEY ("allocation_id") REFERENCES "cpu_allocation" ("id") ON DELETE CASCADE ))"},
    {23, kEver, R"(CREATE TABLE cpu_allocation_cpu (
        allocation_id TEXT NOT NULL,
        vcpu_index INTEGER NOT NULL,
        logical_cpu INTEGER NOT NULL,
        role TEXT NOT NULL,
        PRIMARY KEY (allocation_id, vcpu_index),
        FOREIGN KEY (allocation_id) REFERENCES cpu_allocation(id) ON DELETE CASCADE
    ))"},
    {25, kEver, R"(CREATE TABLE "sandbox" ( "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "name" text NOT NULL UNIQUE, "config" text NOT NULL, "status" text NOT NULL, "created_at" datetime_text, "updated_at" datetime_text , "ephemeral" boolean NOT NULL DEFAULT FALSE, "active_config" text, network_slot INTEGER
    CHECK (
        network_slot IS NULL OR (
            typeof(network_slot) = 'integer'
            AND network_slot BETWEEN 1 AND 65535
        )
    )))"},
    {0, kEver, R"(CREATE UNIQUE INDEX "idx_manifest_layers_manifest_position" ON "manifest_layer" ("manifest_id", "position"))"},
    {0, kEver, R"(CREATE UNIQUE INDEX idx_snapshot_index_name ON snapshot_index (name) WHERE name IS NOT NULL)"},
    {0, 18, R"(CREATE INDEX "idx_snapshot_index_parent" ON "snapshot_index" ("parent_digest"))"},
    {0, 18, R"(CREATE INDEX "idx_snapshot_index_image" ON "snapshot_index" ("image_manifest_digest"))"},
    {0, kEver, R"(CREATE INDEX "idx_sandbox_labels_sandbox_id" ON "sandbox_labels" ("sandbox_id"))"},
    {0, kEver, R"(CREATE INDEX "idx_sandbox_labels_key_value" ON "sandbox_labels" ("key", "value"))"},
    {0, kEver, R"(CREATE INDEX "idx_volume_attach_volume_id" ON "volume_attach" ("volume_id"))"},
    {0, kEver, R"(CREATE INDEX "idx_sandbox_ephemeral_status" ON "sandbox" ("ephemeral", "status"))"},
    {18, kEver, R"(CREATE INDEX idx_snapshot_index_parent ON snapshot_index (parent_digest))"},
    {18, kEver, R"(CREATE INDEX idx_snapshot_index_image ON snapshot_index (image_manifest_digest))"},
    {18, kEver, R"(CREATE INDEX idx_snapshot_artifact_migration_source ON snapshot_artifact_migration (kind, source_digest))"},
    {23, kEver, R"(CREATE INDEX "idx_memory_allocation_node_host" ON "memory_allocation_node" ("host_numa_node"))"},
    {23, kEver, R"(CREATE INDEX idx_cpu_allocation_cpu_logical ON cpu_allocation_cpu(logical_cpu))"},
    {25, kEver, R"(CREATE UNIQUE INDEX idx_sandbox_network_slot_unique
    ON sandbox (network_slot)
    WHERE network_slot IS NOT NULL)"},
});
// clang-format on

}  // namespace

std::vector<std::string_view> tables_of(const Edition& edition) {
  std::vector<std::string_view> statements;
  for (const Definition& definition : kDefinitions) {
    if (definition.since <= edition.migrations && edition.migrations < definition.until) {
      statements.push_back(definition.sql);
    }
  }
  return statements;
}

}  // namespace msb::index
