#include "snapshot/new_artifact.h"

#include <cerrno>

#include "os/lock.h"
#include "os/sparse.h"
#include "os/stamp.h"
#include "snapshot/hash_file.h"
#include "snapshot/indexing.h"
#include "snapshot/reference.h"

namespace msb::snapshot {
namespace {

Error already_exists(const std::string& path, const std::string& why) {
  return Error(Status::snapshot_already_exists, path + why).with("path", path);
}

bool is_gone(const Error& error) { return error.os_code() == ENOENT; }

Done write_descriptor(const os::StagedDir& staged, const Descriptor& descriptor) {
  const std::string bytes = canonical_bytes(descriptor);
  if (bytes.size() > kMaxDescriptor) {
    return Error(Status::invalid_argument, "the labels are too long: the descriptor would have " +
                                               std::to_string(bytes.size()) + " bytes, and may have " +
                                               std::to_string(kMaxDescriptor));
  }
  MSB_TRY(const os::File file, staged.create_file(std::string(file_name(descriptor.form))));
  return file.write_at(as_bytes(bytes), 0);
}

void finish(const Context& context, const Destination& destination, const os::Retired& replaced) {
  const Call unhurried;
  if (!context.read_only) {
    const auto row = index_path(context, destination.path(), unhurried);
    if (!row) context.log.warn("snapshot", destination.path() + " is not indexed: " + row.error().message());
  }
  const Done removed = replaced.remove(unhurried);
  if (!removed) context.log.warn("snapshot", "left for recovery: " + removed.error().message());
}

}  // namespace

Result<HomeForm> form_of_home(const Context& context, const Call& call) {
  MSB_TRY(const index::Schema schema, context.database.schema(call));
  const bool early =
      schema.generation() == index::Generation::none || schema.generation() == index::Generation::manifest;
  return HomeForm{early ? Form::manifest : Form::snapshot, schema.needs_sparse_digests(), schema.describe()};
}

Result<Destination> find_destination(const Context& context, const Place& place) {
  if (place.name.has_value() == place.path.has_value()) {
    return Error(Status::invalid_argument, "a new snapshot needs either a name or a path");
  }
  if (place.name) {
    MSB_CHECK(check_name(*place.name));
    MSB_TRY(std::string directory, directory_named(context, place.dest_dir));
    return Destination{std::move(directory), *place.name};
  }
  if (place.dest_dir) return Error(Status::invalid_argument, "a path leaves no choice of a directory");
  if (place.path->empty()) return Error(Status::invalid_config, "the path of a new snapshot is empty");
  const std::string path = os::expand_home(*place.path);
  std::string name = os::base_name(path);
  MSB_CHECK(check_name(name));
  MSB_TRY(std::string directory, directory_named(context, os::parent_path(path)));
  return Destination{std::move(directory), std::move(name)};
}

/// What exists gives way only if it is a snapshot, be its disk damaged.
Done check_replaceable(const os::File& occupant, const std::string& path) {
  auto refused = already_exists(path, " is not a snapshot, and is not replaced");
  MSB_TRY(const struct stat st, occupant.status());
  if (!S_ISDIR(st.st_mode)) return refused;
  auto descriptor = read_descriptor(occupant);
  if (descriptor) return {};
  // What could not be read may be anything.
  if (descriptor.error().status() == Status::io && !is_gone(descriptor.error())) return std::move(descriptor).error();
  return refused;
}

Done check_destination(const Context& context, const std::string& path, bool force) {
  constexpr int kAttempts = 8;
  for (int attempt = 1;; ++attempt) {
    MSB_TRY(const bool taken, os::exists(context.fs, path));
    if (!taken) return {};
    if (!force) return already_exists(path, "");
    auto occupant = os::File::open(context.fs, AT_FDCWD, path, O_PATH | O_NOFOLLOW);
    if (!occupant && is_gone(occupant.error()) && attempt < kAttempts) continue;
    if (!occupant) return std::move(occupant).error();
    Done judged = check_replaceable(*occupant, path);
    if (judged) return judged;
    // Unless it went away in this moment, and its files with it.
    const auto same = os::names_same_file(*occupant, AT_FDCWD, path);
    if (!same || *same || attempt == kAttempts) return judged;
  }
}

Result<CopiedDisk> copy_disk(const Context& context, const os::File& disk, const os::File& copy,
                             std::optional<Algorithm> algorithm, const std::string& item, const Call& call) {
  MSB_TRY(const os::Stamp before, os::Stamp::of(disk));
  const Progress progress{.phase = Phase::copying, .item = item, .count = 1};
  CopiedDisk done{before.size, std::nullopt};
  if (algorithm) {
    MSB_TRY(const HashedCopy hashed, copy_and_hash(disk, copy, *algorithm, context.threads, call, progress));
    done.digest = hashed.digest;
  } else {
    MSB_TRY(const os::Copied copied, os::copy_sparse(disk, copy, context.threads, call, progress));
    (void)copied;
  }
  const auto after = os::Stamp::of(context.fs, disk.path());
  if (after && *after == before) return done;
  return Error(Status::io, "the disk changed while it was captured: " + disk.path()).with("path", disk.path());
}

Result<Artifact> publish(const Context& context, os::StagedDir staged, const Destination& destination,
                         Descriptor descriptor, bool force, const Call& call) {
  MSB_CHECK(write_descriptor(staged, descriptor));
  struct stat disk {};
  const int looked = context.fs.fstatat(staged.dir().fd(), descriptor.upper_file.c_str(), &disk, AT_SYMLINK_NOFOLLOW);
  if (looked < 0) return Error::io("stat", os::join_path(staged.dir().path(), descriptor.upper_file), -looked);
  MSB_CHECK(call.check());
  // Much may have happened since check_destination().
  auto replaced =
      staged.publish(destination.name, force ? os::Existing::replace : os::Existing::refuse,
                     [&](const os::File& occupant) { return check_replaceable(occupant, destination.path()); });
  if (!replaced && replaced.error().os_code() == EEXIST) return already_exists(destination.path(), "");
  if (!replaced) return std::move(replaced).error();
  finish(context, destination, *replaced);
  Artifact artifact{destination.path(), std::move(descriptor), {}, os::allocated_bytes(disk)};
  artifact.digest = identity(artifact.descriptor);
  return artifact;
}

}  // namespace msb::snapshot
