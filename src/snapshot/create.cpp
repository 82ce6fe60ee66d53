#include "snapshot/create.h"

#include <cerrno>

#include "base/found.h"
#include "base/time.h"
#include "os/lock.h"
#include "os/publish.h"
#include "os/stamp.h"
#include "snapshot/descriptor_fields.h"
#include "snapshot/hash_file.h"
#include "snapshot/indexing.h"
#include "snapshot/reference.h"
#include "snapshot/timestamp.h"

namespace msb::snapshot {
namespace {

Done check_labels(const CreateRequest& request) {
  for (const auto& [key, value] : request.labels) {
    if (key.empty()) return Error(Status::invalid_argument, "a label has no key");
    if (!is_utf8(key) || !is_utf8(value)) return Error(Status::invalid_argument, "a label is not UTF-8");
  }
  return {};
}

Result<std::optional<Algorithm>> choose_algorithm(const HomeForm& home, const CreateRequest& request) {
  if (!home.only_sparse) {
    if (request.integrity) return request.integrity;
    return request.record_integrity ? std::optional(Algorithm::merkle) : std::nullopt;
  }
  if (request.integrity.value_or(Algorithm::sparse) == Algorithm::sparse) return std::optional(Algorithm::sparse);
  return Error(Status::unsupported, home.owner + " owns this home and opens no snapshot with such a digest; " +
                                        std::string(algorithm_name(Algorithm::sparse)) + " is the one it knows");
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
  MSB_TRY(const auto origin, if_there(open(context, *source.origin, call), {Status::snapshot_not_found}));
  // Its digest of today: it may have been translated since.
  if (origin) return std::optional(origin->digest.text());
  // Releases that translate descriptors refuse one whose parent they cannot find.
  context.log.info("snapshot", "the snapshot that " + source.sandbox + " was made from is gone: no parent is recorded");
  return std::optional<std::string>();
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

}  // namespace

Done check_request(const Context& context, const CreateRequest& request, const Call& call) {
  MSB_TRY(const Destination destination, find_destination(context, request));
  MSB_CHECK(check_labels(request));
  if (request.parent && !is_strict_digest(*request.parent)) {
    return Error(Status::invalid_argument, "the parent is not the digest of a snapshot: " + *request.parent);
  }
  MSB_CHECK(context.database.check_writable(call));
  MSB_TRY(const HomeForm home, form_of_home(context, call));
  MSB_TRY(const auto algorithm, choose_algorithm(home, request));
  (void)algorithm;
  return check_destination(context, destination.path(), request.force);
}

Result<Artifact> create(const Context& context, const CaptureSource& source, const CreateRequest& request,
                        const Call& call) {
  MSB_CHECK(check_request(context, request, call));
  MSB_TRY(const Destination destination, find_destination(context, request));
  MSB_TRY(const HomeForm home, form_of_home(context, call));
  MSB_TRY(const auto algorithm, choose_algorithm(home, request));
  MSB_TRY(const os::File upper, open_source(context, source));
  Descriptor descriptor = describe(source, request, home.form);
  MSB_TRY(descriptor.parent, find_parent(context, source, request, call));

  MSB_CHECK(os::make_dirs(context.fs, destination.directory));
  MSB_TRY(os::StagedDir staged, os::StagedDir::create(context.fs, destination.directory));
  MSB_TRY(const os::File copy, staged.create_file(descriptor.upper_file));
  MSB_TRY(const CopiedDisk disk, copy_disk(context, upper, copy, algorithm, source.sandbox, call));
  descriptor.upper_size = disk.size;
  if (disk.digest) descriptor.integrity = make_integrity(*algorithm, *disk.digest, disk.size);
  return publish(context, std::move(staged), destination, std::move(descriptor), request.force, call);
}

}  // namespace msb::snapshot
