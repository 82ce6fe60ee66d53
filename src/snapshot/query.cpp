#include "snapshot/query.h"

#include <algorithm>

#include "os/workers.h"
#include "snapshot/indexing.h"
#include "snapshot/reference.h"

namespace msb::snapshot {
namespace {

using index::SnapshotRow;
using index::Transaction;

Result<std::optional<SnapshotRow>> find_by_name(const Context& context, const std::string& name, const Call& call) {
  MSB_TRY(const std::string path, path_of_name(context, name));
  MSB_TRY(const bool there, os::exists(context.fs, path));
  return context.database.read(call, [&](Transaction& transaction) -> Result<std::optional<SnapshotRow>> {
    MSB_TRY(auto row, find_row_at(transaction, path));
    // What is there has the name, even if the index does not know it.
    if (row || there) return row;
    return find_row_named(transaction, name);
  });
}

Result<std::optional<SnapshotRow>> find(const Context& context, const std::string& ref, const Call& call) {
  switch (ref_kind(ref)) {
    case RefKind::digest:
      return context.database.read(call, [&](Transaction& transaction) { return find_row_of(transaction, ref); });
    case RefKind::path: {
      MSB_TRY(const std::string path, resolve(context, ref, call));
      return context.database.read(call, [&](Transaction& transaction) { return find_row_at(transaction, path); });
    }
    case RefKind::name:
      return find_by_name(context, ref, call);
    case RefKind::none:
      break;
  }
  return Error(Status::invalid_config, "snapshot name must not be empty");
}

bool has_labels(const Descriptor& descriptor, const ListOptions& options) {
  return std::all_of(options.labels.begin(), options.labels.end(), [&](const auto& wanted) {
    const auto label = descriptor.labels.find(wanted.first);
    return label != descriptor.labels.end() && (!wanted.second || *wanted.second == label->second);
  });
}

Result<std::vector<SnapshotRow>> with_labels(const Context& context, std::vector<SnapshotRow> rows,
                                             const ListOptions& options, const Call& call) {
  std::vector<std::optional<Result<bool>>> answers(rows.size());
  const auto ask = [&](size_t i, const Call& part) -> Done {
    MSB_CHECK(part.check());
    const auto artifact = [&]() -> Result<bool> {
      MSB_TRY(const Artifact opened, open_artifact(context.fs, rows[i].artifact_path));
      return opened.digest.text() == rows[i].digest && has_labels(opened.descriptor, options);
    };
    answers[i].emplace(artifact());
    return {};
  };
  MSB_CHECK(os::parallel_for_each(rows.size(), context.threads, call, ask));
  std::vector<SnapshotRow> kept;
  for (size_t i = 0; i < rows.size(); ++i) {
    const Result<bool>& answer = *answers[i];
    if (!answer) {
      context.log.warn("snapshot", "left out of the list: " + answer.error().message());
    } else if (*answer) {
      kept.push_back(std::move(rows[i]));
    }
  }
  return kept;
}

/// Negative when `a` comes first.
int compare(const SnapshotRow& a, const SnapshotRow& b, Sort sort) {
  const auto order = [](const auto& x, const auto& y) { return x < y ? -1 : (y < x ? 1 : 0); };
  switch (sort) {
    case Sort::name:
      if (a.name.has_value() != b.name.has_value()) return a.name ? -1 : 1;
      return order(a.name, b.name);
    case Sort::size:
      return order(b.size, a.size);
    case Sort::created:
      break;
  }
  return order(b.created_at, a.created_at);
}

}  // namespace

Result<SnapshotRow> get(const Context& context, const std::string& ref, const Call& call) {
  MSB_TRY(auto row, find(context, ref, call));
  if (!row) return Error(Status::snapshot_not_found, ref + " is not in the index").with("name", ref);
  MSB_TRY(row->artifact_path, os::absolute_path(row->artifact_path));
  return *std::move(row);
}

Result<std::vector<SnapshotRow>> list(const Context& context, const ListOptions& options, const Call& call) {
  MSB_TRY(std::vector<SnapshotRow> rows, context.database.read(call, index::list_snapshots));
  for (SnapshotRow& row : rows) {
    MSB_TRY(row.artifact_path, os::absolute_path(row.artifact_path));
  }
  if (!options.labels.empty()) {
    MSB_TRY(rows, with_labels(context, std::move(rows), options, call));
  }
  std::sort(rows.begin(), rows.end(), [&](const SnapshotRow& a, const SnapshotRow& b) {
    const int order = compare(a, b, options.sort);
    if (order == 0) return a.digest < b.digest;
    return options.reverse ? order > 0 : order < 0;
  });
  rows.erase(rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(std::min(options.offset, rows.size())));
  if (options.limit != 0 && rows.size() > options.limit) rows.resize(options.limit);
  return rows;
}

}  // namespace msb::snapshot
