#include "snapshot/remove.h"

#include <cerrno>

#include "index/snapshots.h"
#include "os/publish.h"
#include "snapshot/indexing.h"
#include "snapshot/query.h"
#include "snapshot/reference.h"

namespace msb::snapshot {
namespace {

using index::Transaction;

struct Target {
  std::string path;  ///< canonical
  std::string digest;
};

/// A snapshot directory and what it is.
struct Opened {
  os::File dir;
  std::string digest;
};

/// Nothing when there is no snapshot at `path`. Its disk may be damaged: that must not keep it there for ever.
Result<std::optional<Opened>> open_at(const Context& context, const std::string& path) {
  auto dir = os::open_dir(context.fs, path);
  if (!dir) {
    const int code = dir.error().os_code();
    if (code == ENOENT || code == ENOTDIR || code == ENAMETOOLONG) return std::optional<Opened>();
    return std::move(dir).error();
  }
  auto descriptor = read_descriptor(*dir);
  if (descriptor) return std::optional(Opened{*std::move(dir), identity(*descriptor).text()});
  if (descriptor.error().status() == Status::snapshot_not_found) return std::optional<Opened>();
  return std::move(descriptor).error();
}

Result<Target> find_target(const Context& context, const std::string& ref, const Call& call) {
  auto path = resolve(context, ref, call);
  if (path) {
    MSB_TRY(const auto opened, open_at(context, *path));
    if (opened) return Target{*std::move(path), opened->digest};
  } else if (path.error().status() != Status::snapshot_not_found) {
    return std::move(path).error();
  }
  // Perhaps the index still knows what has gone.
  auto row = get(context, ref, call);
  if (!row && row.error().status() == Status::snapshot_not_found) {
    return Error(Status::snapshot_not_found, ref).with("name", ref);
  }
  if (!row) return std::move(row).error();
  MSB_TRY(std::string indexed_path, os::canonical_path(row->artifact_path));
  return Target{std::move(indexed_path), std::move(row->digest)};
}

/// Also finds out, before anything is done, whether the index can be written.
Done check_children(const Context& context, const Target& target, bool force, const Call& call) {
  MSB_TRY(const uint64_t children, context.database.write(call, [&](Transaction& transaction) {
    return index::count_children(transaction, target.digest);
  }));
  if (children == 0 || force) return {};
  const std::string number = std::to_string(children);
  return Error(Status::snapshot_has_children,
               "snapshot " + target.digest + " has " + number + " indexed child snapshot(s)")
      .with("digest", target.digest)
      .with("children", number);
}

/// Takes the directory out of its place, provided that it is what was opened. Nothing when somebody else was quicker.
Result<os::Retired> retire_opened(const Context& context, const Target& target, const os::File& dir) {
  const std::string name = os::base_name(target.path);
  auto retired = os::retire(context.fs, os::parent_path(target.path), name);
  if (!retired && retired.error().os_code() == ENOENT) return os::Retired();
  if (!retired) return retired;
  auto same = retired->leads_to(dir);
  if (!same && same.error().os_code() != ENOENT) return std::move(same).error();
  if (!same || *same) return retired;  // or a sweep has finished the work
  // Another one took its place in this moment, and gets it back. Unless a third is there by now, which replaces it; or
  // a sweep was quicker.
  Done back = retired->put_back(name);
  if (!back && back.error().os_code() == EEXIST) return retired;
  if (!back && back.error().os_code() != ENOENT) return std::move(back).error();
  return os::Retired();
}

/// Deletes the row; false when there is none.
Result<bool> delete_row(const Context& context, const Target& target) {
  return context.database.write(Call(), [&](Transaction& transaction) -> Result<bool> {
    MSB_TRY(const auto row, index::find_snapshot(transaction, target.digest));
    if (!row) return false;
    MSB_TRY(const std::string path, os::canonical_path(row->artifact_path));
    if (path != target.path) return false;
    MSB_CHECK(index::delete_snapshot(transaction, target.digest));
    return true;
  });
}

Done remove_target(const Context& context, const Target& target, bool force, const Call& call) {
  MSB_CHECK(context.database.check_writable(call));
  MSB_CHECK(check_children(context, target, force, call));
  MSB_TRY(const auto opened, open_at(context, target.path));
  MSB_CHECK(call.check());
  os::Retired retired;
  if (opened && opened->digest == target.digest) {
    MSB_TRY(retired, retire_opened(context, target, opened->dir));
  }
  auto indexed = delete_row(context, target);
  if (!retired) {
    if (indexed && !*indexed) return Error(Status::snapshot_not_found, target.path).with("path", target.path);
    return indexed ? Done() : std::move(indexed).error();
  }
  MSB_CHECK(retired.remove(Call()));
  // On a full disk the row can go only now.
  if (!indexed) indexed = delete_row(context, target);
  if (!indexed) context.log.warn("snapshot", target.path + " is still in the index: " + indexed.error().message());
  return {};
}

}  // namespace

Done remove(const Context& context, const std::string& ref, bool force, const Call& call) {
  MSB_TRY(const Target target, find_target(context, ref, call));
  return remove_target(context, target, force, call);
}

Done remove_at(const Context& context, const std::string& path, const std::string& digest, bool force,
               const Call& call) {
  MSB_TRY(std::string canonical, os::canonical_path(path));
  return remove_target(context, {std::move(canonical), digest}, force, call);
}

}  // namespace msb::snapshot
