"""The catalogue `db/msb.db`: its schema by release, and what rows may hold (formats/snapshots.md §5, formats/images.md
§3)."""

import json
import re
import sqlite3

from . import require

MIGRATIONS = """m20260305_000001_create_image_tables m20260305_000002_create_sandbox_tables
m20260305_000003_create_storage_tables m20260305_000004_create_sandbox_images_table m20260410_000001_erofs_image_schema
m20260501_000001_create_snapshot_index m20260517_000001_drop_sandbox_metric m20260527_000001_migrate_oci_rootfs_source
m20260531_000001_create_sandbox_labels m20260531_000002_index_sandbox_labels_key_value
m20260606_000001_named_volume_kinds m20260621_000001_add_sandbox_ephemeral m20260621_000002_create_maintenance_lease
m20260703_000001_add_sandbox_active_config m20260708_000001_migrate_bind_rootfs_source
m20260710_000001_migrate_root_disk m20260714_000001_add_snapshot_scope m20260723_000001_snapshot_artifact_transition
m20260719_000001_create_cpu_allocations m20260803_000001_create_writeback_allocations
m20260808_000001_create_memory_allocation_nodes m20260810_000001_rebuild_sandbox_labels
m20260813_000001_share_cpu_allocations m20260824_000001_mount_owner_config m20260818_000001_sandbox_network_slot
m20260829_000001_split_snapshot_identity m20260910_000001_snapshot_groups""".split()
LABELS, EPHEMERAL, LEASE, ACTIVE, ROOT_DISK, SCOPE, TRANSITION, SLOT, GROUPS = 9, 12, 13, 14, 16, 17, 18, 25, 27
# Columns by table, each from the migration on that is named.
COLUMNS = {
    "sandbox": {"id": 2, "name": 2, "config": 2, "status": 2, "created_at": 2, "updated_at": 2, "ephemeral": EPHEMERAL,
                "active_config": ACTIVE, "network_slot": SLOT},
    "sandbox_labels": {"sandbox_id": LABELS, "key": LABELS, "value": LABELS},
    "sandbox_rootfs": {"id": 5, "sandbox_id": 5, "manifest_id": 5, "mode": 5, "upper_fstype": 5, "created_at": 5,
                       "root_disk_kind": ROOT_DISK, "root_disk_path": ROOT_DISK},
    "snapshot_index": {"digest": 6, "name": 6, "parent_digest": 6, "image_ref": 6, "image_manifest_digest": 6,
                       "format": 6, "fstype": 6, "artifact_path": 6, "size_bytes": 6, "created_at": 6, "indexed_at": 6,
                       "child_count": 6, "scope": SCOPE, "state_kind": TRANSITION,
                       "checkpoint_manifest_digest": TRANSITION, "locality": TRANSITION,
                       "storage_binding_id": TRANSITION, "availability": TRANSITION, "migration_state": TRANSITION,
                       "migration_error_code": TRANSITION, "snapshot_id": GROUPS, "descriptor_digest": GROUPS,
                       "group_name": GROUPS, "group_path": GROUPS},
    "snapshot_artifact_migration": dict.fromkeys(
        "id kind artifact_path indexed_digest source_digest target_digest source_parent_digest target_parent_digest "
        "payload_integrity payload_size payload_file_identity phase attempts error_code error_detail discovered_at "
        "updated_at completed_at recovery_member translation_source".split(), TRANSITION),
    "maintenance_lease": dict.fromkeys("name holder_pid lease_expires_at last_completed_at".split(), LEASE),
    "manifest": dict.fromkeys("id digest media_type config_digest architecture os variant layer_count total_size_bytes "
                              "created_at".split(), 5),
    "image_ref": dict.fromkeys("id reference manifest_id created_at updated_at".split(), 5),
    "config": dict.fromkeys("id manifest_id digest env cmd entrypoint working_dir user labels stop_signal "
                            "created_at".split(), 5),
    "layer": dict.fromkeys("id diff_id blob_digest media_type compressed_size_bytes erofs_size_bytes created_at "
                           "last_used_at".split(), 5),
    "manifest_layer": dict.fromkeys("id manifest_id layer_id position".split(), 5),
}
TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.(?!000)\d{3}|\.\d{3}(?!000)\d{3}|\.\d{6}(?!000)\d{3})?")
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
STATUS = ("Created", "Starting", "Running", "Draining", "Paused", "Stopped", "Crashed")
DIGESTS = {"manifest": ("digest", "config_digest"), "config": ("digest",), "layer": ("diff_id", "blob_digest"),
           "snapshot_index": ("digest", "image_manifest_digest", "parent_digest", "checkpoint_manifest_digest")}
DOCUMENTS = {"config": ("env", "cmd", "entrypoint", "labels"), "sandbox": ("config", "active_config")}


class Database:
    def __init__(self, path, grouped=False):
        # Not read-only: a log that nobody has written back yet needs its index.
        self.connection = sqlite3.connect(path)
        self.connection.row_factory = sqlite3.Row
        try:
            self.tables = self.read(grouped)
        finally:
            self.connection.close()

    def rows(self, table):
        return self.tables.get(table, [])

    def only(self, pragma):
        return self.connection.execute(f"PRAGMA {pragma}").fetchone()[0]

    def read(self, grouped):
        for pragma, value in (("journal_mode", "wal"), ("user_version", 0), ("application_id", 0), ("page_size", 4096),
                              ("encoding", "UTF-8"), ("integrity_check", "ok")):
            require(self.only(pragma) == value, f"database: {pragma} is {self.only(pragma)}")
        require(not self.connection.execute("PRAGMA foreign_key_check").fetchall(), "database: foreign keys")
        applied = {row[0] for row in self.connection.execute("SELECT version FROM seaql_migrations")}
        self.migrations = len(applied)
        require(applied == set(MIGRATIONS[:self.migrations]), "database: its migrations are not the first ones")
        require(grouped or self.migrations < GROUPS, "database: of 0.7")
        tables = {}
        for table, columns in COLUMNS.items():
            there = [row["name"] for row in self.connection.execute(f"PRAGMA table_info({table})")]
            wanted = {name for name, since in columns.items() if since <= self.migrations}
            require(set(there) == wanted, f"database: {table} has {sorted(there)}, not {sorted(wanted)}")
            if there:
                tables[table] = [dict(row) for row in self.connection.execute(f"SELECT * FROM {table}")]
        indexes = {row[0] for row in self.connection.execute("SELECT name FROM sqlite_master WHERE type = 'index'")}
        require({"idx_manifest_layers_manifest_position", "idx_snapshot_index_name"} <= indexes or grouped,
                "database: indexes")
        return tables

    def hold(self):
        """Each row on its own, and those that speak of each other."""
        for table, rows in self.tables.items():
            for row in rows:
                self.hold_row(table, row)
        self.hold_images()
        self.hold_snapshots()
        return self

    def hold_row(self, table, row):
        for name, value in row.items():
            where = f"database: {table}.{name}: {value!r}"
            if value is None:
                continue
            if name.endswith("_at"):
                require(TIME.fullmatch(value), where)
            if name in DIGESTS.get(table, ()):
                require(DIGEST.fullmatch(value), where)
            if name in DOCUMENTS.get(table, ()):
                document = json.loads(value)
                require(json.dumps(document, separators=(",", ":"), ensure_ascii=False) == value, where)
            if name in ("media_type", "variant", "stop_signal", "erofs_size_bytes"):
                require(isinstance(value, (str, int)) and value != "", where)
        if table == "sandbox":
            where = f"database: sandbox {row['name']}"
            require(row["status"] in STATUS and row.get("ephemeral") in (0, 1, None), where)
            require(re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", row["name"]), where)
        if table == "sandbox_rootfs":
            require(row["mode"] in ("erofs", "bind", "disk_image"), "database: sandbox_rootfs.mode")

    def hold_images(self):
        layers = {row["id"]: row for row in self.rows("layer")}
        for manifest in self.rows("manifest"):
            entries = sorted((row for row in self.rows("manifest_layer") if row["manifest_id"] == manifest["id"]),
                             key=lambda row: row["position"])
            require([row["position"] for row in entries] == list(range(manifest["layer_count"])), "database: positions")
            configs = [row for row in self.rows("config") if row["manifest_id"] == manifest["id"]]
            require([row["digest"] for row in configs] == [manifest["config_digest"]], "database: config of a manifest")
            require(all(row["layer_id"] in layers for row in entries), "database: layers")

    def hold_snapshots(self):
        rows = self.rows("snapshot_index")
        require(len({row["artifact_path"] for row in rows}) == len(rows), "database: two snapshots in one place")
        for row in rows:
            children = sum(other["parent_digest"] == row["digest"] for other in rows)
            require(row["child_count"] == children, f"database: {row['name']}: number of children")
            require(row["format"] in ("raw", "qcow2", None), "database: format")
            if "scope" in row:
                kinds = (row["scope"], row["state_kind"], row["locality"], row["availability"])
                require(kinds in (("disk", "file", "embedded", "ready"), ("disk", "checkpoint", "embedded", "ready"),
                                  ("resumable", "checkpoint", "embedded", "ready")), f"database: {kinds}")
                require(row["migration_state"] in ("canonical", "complete", "blocked", "reverse_complete"), "database")
                require((row["migration_state"] == "blocked") == (row["migration_error_code"] is not None), "database")


def dump(path):
    """All rows of all tables, and their definitions, as they are."""
    connection = sqlite3.connect(path)
    try:
        tables = dict(connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"))
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        connection.row_factory = sqlite3.Row
        return tables, {name: [dict(row) for row in connection.execute(f'SELECT * FROM "{name}"')] for name in names}
    finally:
        connection.close()
