#include "snapshot/import.h"

#include <cerrno>
#include <utility>
#include <vector>

#include "os/dir.h"
#include "snapshot/import_image.h"
#include "snapshot/import_stage.h"
#include "snapshot/indexing.h"
#include "snapshot/new_artifact.h"
#include "snapshot/reference.h"

namespace msb::snapshot {
namespace {

/// Gives staged snapshots their names.
class Promotion {
 public:
  Promotion(const Context& context, std::string directory, const std::optional<std::string>& head_name,
            const Call& call)
      : context_(context), directory_(std::move(directory)), head_name_(head_name), call_(call) {}

  /// Fails where promote() would have to, as far as one can tell by now.
  Done check(const StagedArchive& staged) const {
    for (const StagedSnapshot& snapshot : staged.snapshots) {
      MSB_TRY(const auto there, find_existing(snapshot.archived, name_of(staged, snapshot)));
      if (there) continue;
      MSB_TRY(const std::string free, find_free(snapshot.archived, name_of(staged, snapshot)));
      static_cast<void>(free);
    }
    return {};
  }

  /// Publishes all, or takes for published what is there; the exported one's artifact.
  Result<Artifact> promote(StagedArchive& staged) {
    auto head = place_all(staged);
    remember();
    return head;
  }

 private:
  Result<Artifact> place_all(StagedArchive& staged) {
    Artifact head;
    for (StagedSnapshot& snapshot : staged.snapshots) {
      MSB_CHECK(call_.check());
      report(staged, snapshot);
      MSB_TRY(head, place(snapshot, name_of(staged, snapshot)));
      placed_.push_back(head.path);
    }
    return head;
  }

  /// Only the exported snapshot is named by the request.
  const std::optional<std::string>& name_of(const StagedArchive& staged, const StagedSnapshot& snapshot) const {
    static const std::optional<std::string> kNone;
    return &snapshot == &staged.snapshots.back() ? head_name_ : kNone;
  }

  void report(const StagedArchive& staged, const StagedSnapshot& snapshot) const {
    Progress progress{.phase = Phase::installing, .item = snapshot.archived.digest.text()};
    progress.count = static_cast<uint32_t>(staged.snapshots.size());
    progress.index = static_cast<uint32_t>(&snapshot - staged.snapshots.data());
    call_.report(progress);
  }

  std::string path_of(const std::string& name) const { return os::join_path(directory_, name); }

  /// Names to try in turn.
  static std::vector<std::string> names_for(const ArchivedSnapshot& snapshot,
                                            const std::optional<std::string>& wanted) {
    if (wanted) return {*wanted};
    std::vector<std::string> names;
    if (is_harmless_name(snapshot.name)) names.push_back(snapshot.name);
    // What microsandbox calls a snapshot that it has loaded.
    names.push_back(snapshot.descriptor.form == Form::manifest ? digest_prefix(snapshot.digest)
                                                               : std::string(snapshot.digest.hex()));
    return names;
  }

  Result<std::optional<Artifact>> open_same(const ArchivedSnapshot& snapshot, const std::string& path) const {
    auto artifact = open_artifact(context_.fs, path);
    if (artifact && artifact->digest == snapshot.digest) return std::optional(*std::move(artifact));
    return std::optional<Artifact>();
  }

  /// The snapshot itself, if it is in the directory already.
  Result<std::optional<Artifact>> find_existing(const ArchivedSnapshot& snapshot,
                                                const std::optional<std::string>& wanted) const {
    for (const std::string& name : names_for(snapshot, wanted)) {
      MSB_TRY(auto same, open_same(snapshot, path_of(name)));
      if (same) return same;
    }
    if (wanted) return std::optional<Artifact>();
    // Also where its user gave it a name that is not taken from an archive.
    if (check_name(snapshot.name)) {
      MSB_TRY(auto same, open_same(snapshot, path_of(snapshot.name)));
      if (same) return same;
    }
    MSB_TRY(const auto row, context_.database.read(call_, [&](index::Transaction& transaction) {
      return index::find_snapshot(transaction, snapshot.digest.text());
    }));
    if (!row) return std::optional<Artifact>();
    MSB_TRY(const std::string path, os::canonical_path(row->artifact_path));
    if (os::parent_path(path) != directory_) return std::optional<Artifact>();
    return open_same(snapshot, path);
  }

  Result<std::string> find_free(const ArchivedSnapshot& snapshot, const std::optional<std::string>& wanted) const {
    const std::vector<std::string> names = names_for(snapshot, wanted);
    for (const std::string& name : names) {
      MSB_TRY(const bool taken, os::exists(context_.fs, path_of(name)));
      if (!taken) return name;
    }
    return Error(Status::snapshot_already_exists,
                 path_of(names.back()) + " is another snapshot; import under another name")
        .with("path", path_of(names.back()))
        .with("name", names.back());
  }

  Result<Artifact> place(StagedSnapshot& snapshot, const std::optional<std::string>& wanted) const {
    for (;;) {
      MSB_TRY(auto there, find_existing(snapshot.archived, wanted));
      if (there) return *std::move(there);
      MSB_TRY(const std::string name, find_free(snapshot.archived, wanted));
      auto published = snapshot.dir.publish(name, os::Existing::refuse);
      if (published) break;
      // Somebody else was quicker: perhaps with this very snapshot.
      if (published.error().os_code() != EEXIST) return std::move(published).error();
      MSB_CHECK(call_.check());
    }
    MSB_TRY(auto there, find_existing(snapshot.archived, wanted));
    if (there) return *std::move(there);
    return Error(Status::io, "a snapshot vanished right after it was imported: " + snapshot.archived.digest.text());
  }

  /// The index follows the directories: what fails here is for reindex() to make good.
  void remember() const {
    if (placed_.empty()) return;
    const auto rows = index_paths(context_, placed_, Call());
    if (!rows) context_.log.warn("snapshot", "what was imported is not indexed: " + rows.error().message());
  }

  const Context& context_;
  const std::string directory_;
  const std::optional<std::string>& head_name_;
  const Call& call_;
  std::vector<std::string> placed_;  // what is there by now, also if more could not be placed
};

ArchiveLimits limits_of(const ImportRequest& request) {
  ArchiveLimits limits;
  if (request.max_unpacked_bytes != 0) limits.max_unpacked_bytes = request.max_unpacked_bytes;
  if (request.max_entries != 0) limits.max_entries = request.max_entries;
  return limits;
}

}  // namespace

Result<index::SnapshotRow> import_archive(const Context& context, const ImportRequest& request, const Call& call) {
  if (request.name) MSB_CHECK(check_name(*request.name));
  MSB_CHECK(context.database.check_writable(call));
  MSB_TRY(const auto source, ArchiveSource::open(context.fs, os::expand_home(request.path), request.fd, call));
  StageOptions options;
  MSB_TRY(options.directory, directory_named(context, request.dest));
  MSB_TRY(const HomeForm home, form_of_home(context, call));
  options.form_of_members = home.form;
  options.skip_verify = request.skip_verify;
  options.limits = limits_of(request);
  MSB_CHECK(os::make_dirs(context.fs, options.directory));

  MSB_TRY(StagedArchive staged, stage_archive(context, *source, options, call));
  Promotion promotion(context, options.directory, request.name, call);
  MSB_CHECK(promotion.check(staged));
  MSB_CHECK(import_image(context, staged, call));
  MSB_TRY(const Artifact head, promotion.promote(staged));
  return row_of(context, head);
}

}  // namespace msb::snapshot
