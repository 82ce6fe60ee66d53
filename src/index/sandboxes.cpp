#include "index/sandboxes.h"

#include <algorithm>
#include <string_view>
#include <unordered_map>

#include "json/parse.h"
#include "json/value.h"

namespace msb::index {
namespace {

constexpr std::string_view kRunning = "Running";  // status of a run
constexpr std::string_view kTerminated = "Terminated";

void add(SandboxRow& sandbox, const std::string& digest) {
  auto& digests = sandbox.manifest_digests;
  if (std::find(digests.begin(), digests.end(), digest) == digests.end()) digests.push_back(digest);
}

/// Takes what concerns images from a configuration; members that it does not know may mean anything to others.
void read_config(SandboxRow& sandbox, std::string_view text) {
  const auto config = json::parse(text);
  if (!config || config->object() == nullptr) {
    sandbox.readable = false;
    return;
  }
  if (const json::Value* digest = config->find("manifest_digest"); digest != nullptr && !digest->is_null()) {
    if (digest->string() != nullptr) {
      add(sandbox, *digest->string());
    } else {
      sandbox.readable = false;
    }
  }
  const json::Value* image = config->find("image");
  const json::Value* oci = image != nullptr ? image->find("Oci") : nullptr;
  if (oci == nullptr || sandbox.image_reference) return;
  // Up to 0.5.0 the reference alone, without an object around it.
  const json::Value* reference = oci->string() != nullptr ? oci : oci->find("reference");
  if (reference != nullptr && reference->string() != nullptr) sandbox.image_reference = *reference->string();
}

/// Records without their runs, with `condition` behind the query.
Result<std::vector<SandboxRecord>> select_records(Transaction& transaction, std::string_view condition,
                                                  std::initializer_list<Param> params = {}) {
  std::vector<SandboxRecord> records;
  if (!transaction.schema().has("sandbox", "config")) return records;
  std::string sql = "SELECT id, name, config, status, created_at, updated_at FROM sandbox";
  sql += condition;
  MSB_TRY(Statement rows, transaction.query(sql, params));
  for (;;) {
    MSB_TRY(const bool row, rows.step());
    if (!row) return records;
    records.push_back({rows.integer(0), rows.text(1), rows.text(2), rows.text(3), time_column(rows, 4),
                       time_column(rows, 5), std::nullopt});
  }
}

/// The run that counts of each sandbox for which `condition` holds. The table has no index: one pass for all.
Result<std::unordered_map<int64_t, RunRow>> select_runs(Transaction& transaction, std::string_view condition,
                                                        std::initializer_list<Param> params = {}) {
  std::unordered_map<int64_t, RunRow> runs;
  std::string sql = "SELECT sandbox_id, id, pid, status, terminated_at FROM run";
  sql += condition;
  sql += " ORDER BY status = 'Running' DESC, started_at DESC, id DESC";
  MSB_TRY(Statement rows, transaction.query(sql, params));
  for (;;) {
    MSB_TRY(const bool row, rows.step());
    if (!row) return runs;
    runs.try_emplace(rows.integer(0),
                     RunRow{rows.integer(1), rows.maybe_integer(2), rows.text(3) == kRunning, time_column(rows, 4)});
  }
}

void attach(std::vector<SandboxRecord>& records, const std::unordered_map<int64_t, RunRow>& runs) {
  for (SandboxRecord& record : records) {
    if (const auto run = runs.find(record.id); run != runs.end()) record.run = run->second;
  }
}

/// The configuration of the running machine, where the release keeps one.
Done set_active_config(Transaction& transaction, int64_t sandbox, std::string_view value) {
  if (!transaction.schema().has("sandbox", "active_config")) return {};
  return transaction.execute("UPDATE sandbox SET active_config = " + std::string(value) + " WHERE id = ?", {sandbox});
}

Done set_status(Transaction& transaction, int64_t sandbox, std::string_view status, const std::string& now) {
  return transaction.execute("UPDATE sandbox SET status = ?, updated_at = ? WHERE id = ?", {status, now, sandbox});
}

}  // namespace

Result<std::vector<SandboxRow>> list_sandboxes(Transaction& transaction) {
  std::vector<SandboxRow> sandboxes;
  const Schema& schema = transaction.schema();
  if (!schema.has("sandbox", "config")) return sandboxes;
  const bool active = schema.has("sandbox", "active_config");
  const bool rooted = schema.has("sandbox_rootfs", "manifest_id");
  const std::string sql = std::string("SELECT s.id, s.name, s.status, s.created_at, s.config, ") +
                          (active ? "s.active_config" : "NULL") + (rooted ? ", m.digest" : ", NULL") +
                          " FROM sandbox s" +
                          (rooted ? " LEFT JOIN sandbox_rootfs r ON r.sandbox_id = s.id LEFT JOIN manifest m ON m.id = "
                                    "r.manifest_id"
                                  : "") +
                          " ORDER BY s.name";
  MSB_TRY(Statement rows, transaction.query(sql));
  for (;;) {
    MSB_TRY(const bool row, rows.step());
    if (!row) return sandboxes;
    SandboxRow sandbox;
    sandbox.id = rows.integer(0);
    sandbox.name = rows.text(1);
    sandbox.status = rows.text(2);
    sandbox.created_at = time_column(rows, 3);
    read_config(sandbox, rows.text(4));
    if (const auto config = rows.maybe_text(5)) read_config(sandbox, *config);
    if (const auto digest = rows.maybe_text(6)) add(sandbox, *digest);
    sandboxes.push_back(std::move(sandbox));
  }
}

Result<std::optional<SandboxRecord>> find_sandbox(Transaction& transaction, std::string_view name) {
  MSB_TRY(auto records, select_records(transaction, " WHERE name = ?", {name}));
  if (records.empty()) return std::optional<SandboxRecord>();
  MSB_TRY(const auto runs, select_runs(transaction, " WHERE sandbox_id = ?", {records.front().id}));
  attach(records, runs);
  return std::optional(std::move(records.front()));
}

Result<std::vector<SandboxRecord>> list_sandbox_records(Transaction& transaction) {
  MSB_TRY(auto records, select_records(transaction, " ORDER BY name"));
  if (records.empty()) return records;
  MSB_TRY(const auto runs, select_runs(transaction, ""));
  attach(records, runs);
  // Not by SQL: releases have written times in more than one form.
  std::ranges::stable_sort(records, [](const auto& a, const auto& b) { return a.created_at > b.created_at; });
  return records;
}

Done insert_sandbox(Transaction& transaction, const NewSandbox& sandbox) {
  MSB_TRY(const auto taken, find_sandbox(transaction, sandbox.name));
  if (taken) return Error(Status::sandbox_already_exists, sandbox.name).with("name", sandbox.name);
  const std::string now = format_db_time(sandbox.created_at);
  MSB_CHECK(
      transaction.execute("INSERT INTO sandbox (name, config, status, created_at, updated_at) VALUES (?, ?, ?, ?, ?)",
                          {sandbox.name, sandbox.config, sandbox.status, now, now}));
  const int64_t id = transaction.last_row_id();
  if (transaction.schema().has("sandbox_labels", "key")) {
    for (const auto& [key, value] : sandbox.labels) {
      MSB_CHECK(transaction.execute("INSERT INTO sandbox_labels (sandbox_id, key, value) VALUES (?, ?, ?)",
                                    {id, key, value}));
    }
  }
  return transaction.execute(
      "INSERT INTO sandbox_rootfs (sandbox_id, manifest_id, mode, upper_fstype, created_at) "
      "VALUES (?, (SELECT id FROM manifest WHERE digest = ?), 'erofs', 'ext4', ?)",
      {id, sandbox.manifest_digest, now});
}

Done delete_sandbox(Transaction& transaction, int64_t id) {
  return transaction.execute("DELETE FROM sandbox WHERE id = ?", {id});
}

Done record_running(Transaction& transaction, const SandboxRecord& sandbox, std::string_view status, int64_t pid) {
  const std::string now = format_db_time(now_ns());
  MSB_CHECK(set_status(transaction, sandbox.id, status, now));
  MSB_CHECK(set_active_config(transaction, sandbox.id, "config"));
  if (sandbox.run && sandbox.run->running) {
    return transaction.execute("UPDATE run SET pid = ? WHERE id = ?", {pid, sandbox.run->id});
  }
  return transaction.execute("INSERT INTO run (sandbox_id, pid, status, started_at) VALUES (?, ?, ?, ?)",
                             {sandbox.id, pid, kRunning, now});
}

Done record_ended(Transaction& transaction, const SandboxRecord& sandbox, std::string_view status,
                  std::string_view reason) {
  const std::string now = format_db_time(now_ns());
  MSB_CHECK(set_status(transaction, sandbox.id, status, now));
  MSB_CHECK(set_active_config(transaction, sandbox.id, "NULL"));
  return transaction.execute(
      "UPDATE run SET status = ?, termination_reason = ?, terminated_at = ? WHERE sandbox_id = ? AND status = ?",
      {kTerminated, reason, now, sandbox.id, kRunning});
}

}  // namespace msb::index
