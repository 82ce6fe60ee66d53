#include "snapshot/indexing.h"

#include <map>
#include <set>
#include <unordered_map>
#include <utility>

#include "base/time.h"
#include "index/translations.h"
#include "snapshot/directory.h"
#include "snapshot/reference.h"

namespace msb::snapshot {
namespace {

using index::SnapshotRecord;
using index::SnapshotRow;
using index::Transaction;

Result<bool> is_in_store(const Context& context, const std::string& path) {
  MSB_TRY(const std::string store, directory_named(context, std::nullopt));
  return os::parent_path(path) == store;
}

/// The tables that we write have no place for it.
Error not_indexable(const Artifact& artifact) {
  return Error(Status::unsupported, artifact.path + " is a snapshot of microsandbox 0.7, which only its index can hold")
      .with("path", artifact.path);
}

/// Whether the index has another copy of the snapshot that is to stay there.
Result<bool> has_other_copy(const Context& context, Transaction& transaction, const SnapshotRecord& record) {
  MSB_TRY(const auto row, index::find_snapshot(transaction, record.digest));
  if (!row) return false;
  MSB_TRY(const std::string path, os::canonical_path(row->artifact_path));
  if (path == record.artifact_path) return false;
  MSB_TRY(const bool other_in_store, is_in_store(context, path));
  if (record.owns_name && !other_in_store) return false;
  const auto other = open_artifact(context.fs, path);
  return other && other->digest.text() == record.digest;
}

/// Makes the index say what is at `path`, where `occupant` is the row that has been there.
template <typename Occupant>
Result<std::optional<SnapshotRow>> bring_in_line(const Context& context, Transaction& transaction,
                                                 const std::string& path, Occupant occupant) {
  auto artifact = open_artifact(context.fs, path);
  if (!artifact && artifact.error().status() == Status::snapshot_not_found) {
    MSB_TRY(const auto row, find_row_at(transaction, path));
    if (row) MSB_CHECK(index::delete_snapshot(transaction, row->digest));
    return std::optional<SnapshotRow>();
  }
  if (!artifact) return std::move(artifact).error();
  if (artifact->descriptor.membership) return not_indexable(*artifact);
  MSB_TRY(const SnapshotRecord record, record_of(context, *artifact));
  MSB_TRY(const bool other, has_other_copy(context, transaction, record));
  MSB_TRY(const std::optional<SnapshotRow> before, occupant());
  if (before && (!other || before->digest != record.digest)) {
    MSB_CHECK(index::delete_snapshot(transaction, before->digest));
  }
  if (!other) {
    MSB_CHECK(index::delete_snapshot(transaction, record.digest));
    MSB_CHECK(index::insert_snapshot(transaction, record));
  }
  return index::find_snapshot(transaction, record.digest);
}

/// A reindexing within its transaction.
class Reindexing {
 public:
  Reindexing(const Context& context, Transaction& transaction, const std::string& dir, const Call& call)
      : context_(&context), transaction_(&transaction), dir_(dir), call_(&call) {}

  Result<Reindexed> run(const std::vector<Found>& found) {
    std::map<std::string, SnapshotRecord> records;  // by path
    std::set<std::string> unreadable;
    for (const Found& one : found) {
      MSB_CHECK(call_->check());
      MSB_CHECK(look_again(one, records, unreadable));
    }
    MSB_CHECK(drop_stale(records, unreadable));
    Progress progress{.phase = Phase::indexing, .item = {}, .total = records.size(), .total_known = true};
    for (const auto& [path, record] : records) {
      MSB_CHECK(call_->check());
      MSB_CHECK(store(record));
      ++progress.done;
      call_->report(progress);
    }
    MSB_CHECK(index::recount_children(*transaction_));
    return result_;
  }

 private:
  /// Takes an artifact as it was opened before the transaction, unless its place has another one by now.
  Done look_again(const Found& one, std::map<std::string, SnapshotRecord>& records, std::set<std::string>& unreadable) {
    const auto stamp = os::Stamp::of(context_->fs, one.path);
    if (one.artifact && stamp && *stamp == one.stamp) return take(one.path, *one.artifact, records, unreadable);
    auto artifact = open_artifact(context_->fs, one.path);
    if (artifact) return take(one.path, *artifact, records, unreadable);
    if (artifact.error().status() != Status::snapshot_not_found) leave_out(one.path, artifact.error(), unreadable);
    return {};
  }

  Done take(const std::string& path, const Artifact& artifact, std::map<std::string, SnapshotRecord>& records,
            std::set<std::string>& unreadable) {
    if (artifact.descriptor.membership) {
      leave_out(path, not_indexable(artifact), unreadable);
      return {};
    }
    MSB_TRY(SnapshotRecord record, record_of(*context_, artifact));
    records.emplace(path, std::move(record));
    return {};
  }

  void leave_out(const std::string& path, const Error& error, std::set<std::string>& unreadable) {
    context_->log.warn("snapshot", "not indexed: " + error.message());
    unreadable.insert(path);
  }

  /// Deletes rows of this directory that no artifact stands behind, and remembers those that are right.
  Done drop_stale(const std::map<std::string, SnapshotRecord>& records, const std::set<std::string>& unreadable) {
    MSB_TRY(const std::vector<SnapshotRow> rows, index::list_snapshots(*transaction_));
    for (const SnapshotRow& row : rows) {
      MSB_CHECK(call_->check());
      MSB_TRY(const std::string path, os::canonical_path(row.artifact_path));
      if (os::parent_path(path) != dir_ || unreadable.contains(path)) continue;
      const auto record = records.find(path);
      const bool there = record != records.end() && record->second.digest == row.digest;
      const bool right =
          there && row.artifact_path == path && (row.name == record->second.name || !record->second.owns_name);
      if (right) {
        right_.insert(row.digest);
        continue;
      }
      MSB_CHECK(index::delete_snapshot(*transaction_, row.digest));
      if (!there) ++result_.dropped;
    }
    return {};
  }

  Done store(const SnapshotRecord& record) {
    if (right_.contains(record.digest)) {
      ++result_.indexed;
      return {};
    }
    MSB_TRY(const bool other, has_other_copy(*context_, *transaction_, record));
    if (!other) {
      MSB_CHECK(index::delete_snapshot(*transaction_, record.digest));
      Done stored = index::insert_snapshot(*transaction_, record);
      if (!stored && stored.error().status() == Status::unsupported) {
        context_->log.warn("snapshot", "not indexed: " + stored.error().message());
        return {};
      }
      MSB_CHECK(std::move(stored));
      ++result_.added;
    }
    ++result_.indexed;
    return {};
  }

  const Context* context_;
  Transaction* transaction_;
  const std::string& dir_;
  const Call* call_;
  std::set<std::string> right_;  // digests whose row needs no change
  Reindexed result_;
};

}  // namespace

Result<SnapshotRecord> record_of(const Context& context, const Artifact& artifact) {
  const Descriptor& descriptor = artifact.descriptor;
  SnapshotRecord record;
  record.digest = artifact.digest.text();
  if (std::string name = artifact.name(); is_utf8(name)) record.name = std::move(name);
  MSB_TRY(record.owns_name, is_in_store(context, artifact.path));
  record.parent_digest = descriptor.parent;
  record.scope = descriptor.scope;
  record.image_reference = descriptor.image_ref;
  record.image_manifest_digest = descriptor.image_digest;
  record.format = descriptor.format;
  record.fstype = descriptor.fstype;
  if (descriptor.checkpoint) record.checkpoint_manifest = descriptor.checkpoint->manifest;
  record.artifact_path = artifact.path;
  record.size = descriptor.upper_size;
  record.created_at = parse_time(descriptor.created_at).value_or(now_ns());
  return record;
}

Result<SnapshotRow> row_of(const Context& context, const Artifact& artifact) {
  MSB_TRY(SnapshotRecord record, record_of(context, artifact));
  SnapshotRow row;
  row.digest = std::move(record.digest);
  row.name = std::move(record.name);
  row.parent_digest = std::move(record.parent_digest);
  row.image_reference = std::move(record.image_reference);
  row.image_manifest_digest = std::move(record.image_manifest_digest);
  row.artifact_path = std::move(record.artifact_path);
  row.created_at = record.created_at;
  if (!record.checkpoint_manifest) {
    row.size = record.size;
    row.format = std::move(record.format);
  }
  return row;
}

Result<std::optional<SnapshotRow>> find_row_of(Transaction& transaction, const std::string& digest) {
  MSB_TRY(auto row, index::find_snapshot(transaction, digest));
  if (row) return row;
  MSB_TRY(const auto now, index::find_translated(transaction, digest));
  if (!now) return row;
  return index::find_snapshot(transaction, *now);
}

Result<std::optional<SnapshotRow>> find_row_named(Transaction& transaction, const std::string& name) {
  MSB_TRY(auto row, index::find_snapshot_by_name(transaction, name));
  if (row || transaction.schema().generation() != index::Generation::groups) return row;
  MSB_TRY(std::vector<SnapshotRow> rows, index::list_snapshots(transaction));
  for (SnapshotRow& member : rows) {
    const std::string group = os::base_name(os::parent_path(member.artifact_path));
    const bool named = member.name && name == group + ":" + *member.name;
    if (named || name == os::base_name(member.artifact_path)) return std::optional(std::move(member));
  }
  return row;
}

Result<std::optional<SnapshotRow>> find_row_at(Transaction& transaction, const std::string& path) {
  MSB_TRY(auto row, index::find_snapshot_at(transaction, path));
  if (row) return row;
  // microsandbox stores paths as they were given to it.
  const std::string name = os::base_name(path);
  MSB_TRY(std::vector<SnapshotRow> rows, index::list_snapshots(transaction));
  for (SnapshotRow& other : rows) {
    if (os::base_name(other.artifact_path) != name) continue;
    MSB_TRY(const std::string canonical, os::canonical_path(other.artifact_path));
    if (canonical == path) return std::optional(std::move(other));
  }
  return std::optional<SnapshotRow>();
}

Result<std::optional<SnapshotRow>> index_path(const Context& context, const std::string& path, const Call& call) {
  return context.database.write(call, [&](Transaction& transaction) {
    return bring_in_line(context, transaction, path, [&]() { return index::find_snapshot_at(transaction, path); });
  });
}

Result<std::vector<std::optional<SnapshotRow>>> index_paths(const Context& context, std::span<const std::string> paths,
                                                            const Call& call) {
  using Rows = std::vector<std::optional<SnapshotRow>>;
  return context.database.write(call, [&](Transaction& transaction) -> Result<Rows> {
    // Paths have no index in the database.
    std::unordered_map<std::string, SnapshotRow> occupants;
    MSB_TRY(std::vector<SnapshotRow> before, index::list_snapshots(transaction));
    for (SnapshotRow& row : before) occupants.emplace(row.artifact_path, std::move(row));
    Progress progress{.phase = Phase::indexing, .item = {}, .total = paths.size(), .total_known = true};
    Rows rows;
    for (const std::string& path : paths) {
      MSB_CHECK(call.check());
      MSB_TRY(auto row, bring_in_line(context, transaction, path, [&]() -> Result<std::optional<SnapshotRow>> {
                const auto found = occupants.find(path);
                return found == occupants.end() ? std::nullopt : std::optional(found->second);
              }));
      rows.push_back(std::move(row));
      ++progress.done;
      call.report(progress);
    }
    return rows;
  });
}

Result<Reindexed> reindex(const Context& context, const std::optional<std::string>& dir, const Call& call) {
  MSB_TRY(const std::string path, directory_named(context, dir));
  // Most of the work is done before the transaction, which nobody else can write beside.
  MSB_TRY(const std::vector<Found> found, look_into(context, path, call));
  return context.database.write(
      call, [&](Transaction& transaction) { return Reindexing(context, transaction, path, call).run(found); });
}

}  // namespace msb::snapshot
