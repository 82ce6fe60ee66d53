#include "snapshot/create.h"

#include <cerrno>

#include "base/time.h"
#include "os/lock.h"
#include "os/publish.h"
#include "os/stamp.h"
#include "snapshot/hash_file.h"
#include "snapshot/indexing.h"
#include "snapshot/reference.h"
#include "snapshot/timestamp.h"

namespace msb::snapshot {
namespace {

struct Destination {
  std::string directory;  ///< canonical
  std::string name;

  std::string path() const { return os::join_path(directory, name); }
};

Error already_exists(const std::string& path, const std::string& why) {
  return Error(Status::snapshot_already_exists, path + why).with("path", path);
}

Result<Destination> find_destination(const Context& context, const CreateRequest& request) {
  if (request.name.has_value() == request.path.has_value()) {
    return Error(Status::invalid_argument, "a new snapshot needs either a name or a path");
  }
  if (request.name) {
    MSB_CHECK(check_name(*request.name));
    MSB_TRY(std::string directory, directory_named(context, request.dest_dir));
    return Destination{std::move(directory), *request.name};
  }
  if (request.dest_dir) return Error(Status::invalid_argument, "a path leaves no choice of a directory");
  if (request.path->empty()) return Error(Status::invalid_config, "the path of a new snapshot is empty");
  const std::string path = os::expand_home(*request.path);
  std::string name = os::base_name(path);
  MSB_CHECK(check_name(name));
  MSB_TRY(std::string directory, directory_named(context, os::parent_path(path)));
  return Destination{std::move(directory), std::move(name)};
}

/// What exists there gives way only if it is a snapshot, be its disk damaged.
Done check_destination(const Context& context, const std::string& path, bool force) {
  constexpr int kAttempts = 8;
  for (int attempt = 1;; ++attempt) {
    MSB_TRY(const bool taken, os::exists(context.fs, path));
    if (!taken) return {};
    if (!force) return already_exists(path, "");
    const auto dir = os::open_dir(context.fs, AT_FDCWD, path, O_NOFOLLOW);
    if (dir && read_descriptor(*dir)) return {};
    // Unless it went away in this moment, and its files with it.
    const auto same = dir ? os::names_same_file(*dir, AT_FDCWD, path) : Result<bool>(true);
    const bool gone = dir ? same && !*same : dir.error().os_code() == ENOENT;
    if (!gone || attempt == kAttempts) return already_exists(path, " is not a snapshot, and is not replaced");
  }
}

Done check_labels(const CreateRequest& request) {
  for (const auto& [key, value] : request.labels) {
    if (key.empty()) return Error(Status::invalid_argument, "a label has no key");
    if (!is_utf8(key) || !is_utf8(value)) return Error(Status::invalid_argument, "a label is not UTF-8");
  }
  return {};
}

bool is_strict_digest(const std::string& text) {
  const auto digest = Digest::parse(text);
  return digest && digest->is_sha256();
}

/// What the home's owner is able to open.
struct Style {
  Form form = Form::manifest;
  std::optional<Algorithm> integrity;  ///< of the digest to record
};

Result<Style> style_for(const Context& context, const CreateRequest& request, const Call& call) {
  if (context.read_only) return Error(Status::unsupported, "the client is read-only");
  MSB_TRY(const index::Schema schema, context.database.schema(call));
  const bool empty = schema.generation() == index::Generation::none;
  if (!empty && !schema.writable()) return schema.refusal(context.database.path());
  Style style;
  if (schema.generation() == index::Generation::descriptor) style.form = Form::snapshot;
  if (schema.needs_sparse_digests()) {
    style.integrity = Algorithm::sparse;
    if (request.integrity.value_or(Algorithm::sparse) == Algorithm::sparse) return style;
    return Error(Status::unsupported, schema.describe() + " owns this home and opens no snapshot with such a digest; " +
                                          std::string(algorithm_name(Algorithm::sparse)) + " is the one it knows");
  }
  style.integrity = request.integrity;
  if (request.record_integrity && !style.integrity) style.integrity = Algorithm::merkle;
  return style;
}

Result<os::File> open_source(const Context& context, const CaptureSource& source) {
  if (source.image_ref.empty() || !is_strict_digest(source.image_digest)) {
    return Error(Status::invalid_config, "sandbox " + source.sandbox + " has no image that a snapshot could name")
        .with("name", source.sandbox);
  }
  if (source.upper_path.empty()) {
    return Error(Status::invalid_config,
                 "sandbox " + source.sandbox + " has no disk of its own: it is missing, or no regular file")
        .with("name", source.sandbox);
  }
  auto upper = os::File::open_regular(context.fs, AT_FDCWD, source.upper_path);
  if (upper || upper.error().os_code() != ENOENT) return upper;
  return Error(Status::invalid_config, "sandbox " + source.sandbox + " has no disk at " + source.upper_path)
      .with("name", source.sandbox)
      .with("path", source.upper_path);
}

Result<std::optional<std::string>> find_parent(const Context& context, const CaptureSource& source,
                                               const CreateRequest& request, const Call& call) {
  if (request.parent || !source.origin) return request.parent;
  const auto origin = open(context, *source.origin, call);
  MSB_CHECK(call.check());
  // Its digest of today: it may have been translated since.
  if (origin) return std::optional(origin->digest.text());
  // Releases that translate descriptors refuse one whose parent they cannot find.
  context.log.info("snapshot", "the snapshot that " + source.sandbox + " was made from is gone: no parent is recorded");
  return std::optional<std::string>();
}

/// Copies the disk, and fills in what is known of it then.
Done copy_disk(const Context& context, const CaptureSource& source, std::optional<Algorithm> integrity,
               const os::File& upper, const os::File& copy, Descriptor& descriptor, const Call& call) {
  MSB_TRY(const os::Stamp before, os::Stamp::of(upper));
  const Progress progress{.phase = Phase::copying, .item = source.sandbox, .count = 1};
  descriptor.upper_size = before.size;
  if (integrity) {
    MSB_TRY(const HashedCopy hashed, copy_and_hash(upper, copy, *integrity, context.threads, call, progress));
    descriptor.integrity = make_integrity(*integrity, hashed.digest, before.size);
  } else {
    MSB_TRY(const os::Copied copied, os::copy_sparse(upper, copy, context.threads, call, progress));
    (void)copied;
  }
  const auto after = os::Stamp::of(context.fs, source.upper_path);
  if (after && *after == before) return {};
  return Error(Status::io, "the disk changed while it was captured: " + source.upper_path)
      .with("path", source.upper_path);
}

Descriptor describe(const CaptureSource& source, const CreateRequest& request, Form form) {
  Descriptor descriptor;
  descriptor.form = form;
  descriptor.image_ref = source.image_ref;
  descriptor.image_digest = source.image_digest;
  descriptor.source_sandbox = source.sandbox;
  for (const auto& [key, value] : request.labels) descriptor.labels[key] = value;
  descriptor.created_at = format_rfc3339(now_ns(), "+00:00");
  if (form == Form::snapshot) descriptor.created_at = *normalize_timestamp(descriptor.created_at);
  return descriptor;
}

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
  // It is published: from here on nothing may stop or undo it.
  const Call unhurried;
  const auto row = index_path(context, destination.path(), unhurried);
  if (!row) context.log.warn("snapshot", destination.path() + " is not indexed: " + row.error().message());
  const Done removed = replaced.remove(unhurried);
  if (!removed) context.log.warn("snapshot", "left for recovery: " + removed.error().message());
}

}  // namespace

Done check_request(const Context& context, const CreateRequest& request, const Call& call) {
  MSB_TRY(const Destination destination, find_destination(context, request));
  MSB_CHECK(check_labels(request));
  if (request.parent && !is_strict_digest(*request.parent)) {
    return Error(Status::invalid_argument, "the parent is not the digest of a snapshot: " + *request.parent);
  }
  MSB_TRY(const Style style, style_for(context, request, call));
  (void)style;
  return check_destination(context, destination.path(), request.force);
}

Result<Artifact> create(const Context& context, const CaptureSource& source, const CreateRequest& request,
                        const Call& call) {
  MSB_CHECK(check_request(context, request, call));
  MSB_TRY(const Destination destination, find_destination(context, request));
  MSB_TRY(const Style style, style_for(context, request, call));
  MSB_TRY(const os::File upper, open_source(context, source));
  Descriptor descriptor = describe(source, request, style.form);
  MSB_TRY(descriptor.parent, find_parent(context, source, request, call));

  MSB_CHECK(os::make_dirs(context.fs, destination.directory));
  MSB_TRY(os::StagedDir staged, os::StagedDir::create(context.fs, destination.directory));
  MSB_TRY(const os::File copy, staged.create_file(descriptor.upper_file));
  MSB_CHECK(copy_disk(context, source, style.integrity, upper, copy, descriptor, call));
  MSB_CHECK(write_descriptor(staged, descriptor));
  MSB_TRY(const struct stat copied, copy.status());
  MSB_CHECK(call.check());

  auto replaced = staged.publish(destination.name, request.force ? os::Existing::replace : os::Existing::refuse);
  if (!replaced && replaced.error().os_code() == EEXIST) return already_exists(destination.path(), "");
  if (!replaced) return std::move(replaced).error();
  finish(context, destination, *replaced);
  Artifact artifact{destination.path(), std::move(descriptor), {}, os::allocated_bytes(copied)};
  artifact.digest = identity(artifact.descriptor);
  return artifact;
}

}  // namespace msb::snapshot
