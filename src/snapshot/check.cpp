#include "snapshot/check.h"

#include <map>
#include <set>

#include "snapshot/directory.h"
#include "snapshot/indexing.h"
#include "snapshot/leftovers.h"
#include "snapshot/reference.h"
#include "snapshot/verify.h"

namespace msb::snapshot {
namespace {

using image::Problem;
using image::ProblemKind;
using index::SnapshotRow;

class Checker {
 public:
  Checker(const Context& context, const image::CheckOptions& options, const Call& call)
      : context_(context), options_(options), call_(call) {}

  Result<std::vector<Problem>> run() {
    MSB_TRY(store_, directory_named(context_, std::nullopt));
    MSB_TRY(const std::vector<Found> found, look_into(context_, store_, call_));
    for (const Found& one : found) MSB_CHECK(check_artifact(one.path, one.artifact));
    MSB_TRY(const auto rows, context_.database.read(call_, index::list_snapshots));
    MSB_CHECK(check_rows(rows));
    MSB_CHECK(check_leftovers());
    return std::move(problems_);
  }

 private:
  Problem& report(ProblemKind kind, std::string subject, std::string path, std::string message) {
    return problems_.emplace_back(Problem{kind, false, std::move(subject), std::move(path), std::move(message)});
  }

  Done check_artifact(const std::string& path, const Result<Artifact>& artifact) {
    MSB_CHECK(call_.check());
    if (!artifact) {
      odd_.insert(path);
      // A snapshot of a later release is none of our business.
      if (artifact.error().status() != Status::unsupported) report_damage(path, artifact.error());
      return {};
    }
    digests_.emplace(path, artifact->digest.text());
    if (artifact->descriptor.membership) ids_.emplace(path, artifact->descriptor.membership->id);
    if (!options_.deep) return {};
    const auto verified = verify(context_.fs, *artifact, context_.threads, call_);
    MSB_CHECK(call_.check());
    if (!verified && verified.error().status() != Status::unsupported) report_damage(path, verified.error());
    return {};
  }

  void report_damage(const std::string& path, const Error& error) {
    report(ProblemKind::snapshot_damaged, os::base_name(path), path,
           error.message() + "; remove it, or put back what it was");
  }

  Done check_rows(const std::vector<SnapshotRow>& rows) {
    std::map<std::string, uint64_t> children;
    std::set<std::string> indexed;
    for (const SnapshotRow& row : rows) {
      indexed.insert(row.digest);
      if (row.parent_digest) ++children[*row.parent_digest];
    }
    std::set<std::string> elsewhere;
    const size_t before = problems_.size();
    for (const SnapshotRow& row : rows) {
      MSB_TRY(const std::string path, os::canonical_path(row.artifact_path));
      if (os::parent_path(path) != store_) {
        elsewhere.insert(path);
        if (!digests_.contains(path) && !odd_.contains(path)) MSB_CHECK(check_elsewhere(path));
      }
      check_row(row, path, children);
    }
    for (const auto& [path, digest] : digests_) {
      // Only 0.7 itself can index a member of a group.
      if (indexed.contains(digest) || ids_.contains(path)) continue;
      report(ProblemKind::index_stale, digest, path, path + " is not in the index" + kCure);
    }
    if (options_.repair && problems_.size() > before) MSB_CHECK(repair_index(elsewhere, before));
    return {};
  }

  Done check_elsewhere(const std::string& path) {
    auto artifact = open_artifact(context_.fs, path);
    if (!artifact && artifact.error().status() == Status::snapshot_not_found) return {};
    return check_artifact(path, artifact);
  }

  void check_row(const SnapshotRow& row, const std::string& path, const std::map<std::string, uint64_t>& children) {
    const auto there = digests_.find(path);
    if (there == digests_.end()) {
      if (odd_.contains(path)) return;
      report(ProblemKind::index_stale, row.digest, {},
             "the index has a snapshot at " + path + ", where none is" + kCure);
      return;
    }
    if (there->second != row.digest) {
      report(ProblemKind::index_stale, row.digest, path,
             "the index has another snapshot at " + path + " than the one that is there" + kCure);
      return;
    }
    const auto id = ids_.find(path);
    const auto counted = children.find(id == ids_.end() ? row.digest : id->second);
    const uint64_t actual = counted == children.end() ? 0 : counted->second;
    if (actual == row.child_count) return;
    report(ProblemKind::index_stale, row.digest, {},
           "the index counts " + std::to_string(row.child_count) + " children of " + path + ", and has " +
               std::to_string(actual) + kCure);
  }

  Done repair_index(const std::set<std::string>& elsewhere, size_t from) {
    for (const std::string& path : elsewhere) {
      const auto row = index_path(context_, path, call_);
      MSB_CHECK(call_.check());
      if (!row) context_.log.warn("snapshot", "not indexed: " + row.error().message());
    }
    MSB_TRY(const Reindexed reindexed, reindex(context_, std::nullopt, call_));
    (void)reindexed;
    for (size_t i = from; i < problems_.size(); ++i) {
      if (problems_[i].kind == ProblemKind::index_stale) problems_[i].repaired = true;
    }
    return {};
  }

  Done check_leftovers() {
    MSB_TRY(const auto directories, working_directories(context_, call_));
    for (const std::string& directory : directories) {
      MSB_TRY(const std::vector<std::string> names, find_leftovers(context_, directory, call_));
      if (names.empty()) continue;
      if (options_.repair) {
        MSB_TRY(const uint32_t swept, sweep_leftovers(context_, directory, call_));
        (void)swept;
      }
      for (const std::string& name : names) {
        const std::string path = os::join_path(directory, name);
        Problem& problem = report(ProblemKind::leftover, name, path,
                                  "remains of work that has ended: " + path + "; check with repair removes it");
        if (!options_.repair) continue;
        MSB_TRY(const bool still_there, os::exists(context_.fs, path));
        problem.repaired = !still_there;
      }
    }
    return {};
  }

  static constexpr const char* kCure = "; reindex, or check with repair";

  const Context& context_;
  const image::CheckOptions& options_;
  const Call& call_;
  std::string store_;
  std::map<std::string, std::string> digests_;  // of sound artifacts, by path
  std::map<std::string, std::string> ids_;      // of members of groups, whose children name them by it, by path
  std::set<std::string> odd_;                   // paths of others
  std::vector<Problem> problems_;
};

}  // namespace

Result<std::vector<Problem>> check(const Context& context, const image::CheckOptions& options, const Call& call) {
  return Checker(context, options, call).run();
}

}  // namespace msb::snapshot
