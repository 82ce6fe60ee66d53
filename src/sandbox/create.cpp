#include "sandbox/create.h"

#include <cerrno>
#include <map>

#include "index/sandboxes.h"
#include "os/publish.h"
#include "os/sparse.h"
#include "sandbox/directory.h"
#include "sandbox/locks.h"
#include "sandbox/new_config.h"
#include "sandbox/observe.h"
#include "sandbox/pinned_image.h"
#include "sandbox/remove.h"
#include "sandbox/upper_disk.h"

namespace msb::sandbox {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;

Error invalid(const std::string& what) { return Error(msb::Status::invalid_argument, what); }

Result<std::map<std::string, std::string>> check_labels(const CreateRequest& request) {
  std::map<std::string, std::string> labels;
  for (const auto& [key, value] : request.labels) {
    if (key.empty()) return invalid("a label has no key");
    if (!is_utf8(key) || !is_utf8(value)) return invalid("a label is not UTF-8");
    if (!labels.emplace(key, value).second) return invalid("two labels have the key " + key);
  }
  return labels;
}

Done check_source(const CreateRequest& request) {
  if (request.image.has_value() == request.origin.has_value()) {
    return invalid("a new sandbox is made either from an image or from a snapshot");
  }
  if (request.origin && request.upper_size != 0) return invalid("a disk from a snapshot keeps its size");
  if (request.upper_size != 0) return check_upper_size(request.upper_size);
  return {};
}

Error already_exists(const std::string& name) {
  return Error(msb::Status::sandbox_already_exists, name).with("name", name);
}

/// Makes sure that the name is free, or may be made so: nobody has to wait for a copy to hear that it is not.
Done check_free(const image::Context& context, const std::string& name, bool replace, const Call& call) {
  auto observed = observe(context, name, Lifecycle::free, call);
  if (observed) {
    if (!replace) return already_exists(name);
    if (!is_live(observed->sandbox.status)) return {};
    return Error(msb::Status::sandbox_still_running,
                 name + " is " + std::string(status_name(observed->sandbox.status)) + "; stop it first")
        .with("name", name);
  }
  if (observed.error().status() == msb::Status::sandbox_not_found) return {};
  return std::move(observed).error();
}

/// Removes what has the name, if it may; what a create that was killed has left, in any case.
Done make_free(const image::Context& context, const std::string& name, bool replace, const Call& call) {
  MSB_TRY(const auto record, context.database.read(call, [&](index::Transaction& transaction) {
    return index::find_sandbox(transaction, name);
  }));
  if (record) {
    if (!replace) return already_exists(name);
    MSB_TRY(const StoppedHold held, hold_idle(context, name, call));
    return remove_held(context, held, call);
  }
  const std::string directory = directory_of(context, name);
  MSB_TRY(const bool marked, is_marked(context, directory));
  if (marked) return discard_directory(context, name);
  return {};
}

Error damaged(const Origin& origin, const std::string& why) {
  return Error(msb::Status::snapshot_integrity, origin.upper_path + " " + why).with("path", origin.upper_path);
}

Done copy_disk(const image::Context& context, const Origin& origin, const std::string& name, const os::File& upper,
               const Call& call) {
  if (origin.fill) return origin.fill(upper);
  auto source = os::File::open_regular(context.fs, AT_FDCWD, origin.upper_path);
  if (!source && source.error().os_code() == ENOENT) return damaged(origin, "is missing");
  if (!source) return std::move(source).error();
  MSB_TRY(const uint64_t size, source->size());
  if (size != origin.upper_size) {
    return damaged(origin,
                   "has " + std::to_string(size) + " bytes, and should have " + std::to_string(origin.upper_size));
  }
  const Progress progress{.phase = Phase::copying, .item = name, .count = 1};
  MSB_TRY(const os::Copied copied, os::copy_sparse(*source, upper, context.threads, call, progress));
  (void)copied;
  return {};
}

/// The directory, aside, with all that is in it.
Result<os::StagedDir> stage(const image::Context& context, const std::string& name, const CreateRequest& request,
                            uint64_t size, const Call& call) {
  MSB_CHECK(os::make_dirs(context.fs, context.sandboxes_dir));
  MSB_TRY(os::StagedDir staged, os::StagedDir::create(context.fs, context.sandboxes_dir));
  MSB_TRY(const os::File upper, staged.create_file(kUpper));
  if (request.origin) {
    MSB_CHECK(copy_disk(context, *request.origin, name, upper, call));
    MSB_TRY(const os::File document, staged.create_file(kOrigin));
    MSB_CHECK(document.write_at(as_bytes(origin_document(request.origin->digest)), 0));
  } else {
    MSB_CHECK(format_upper(upper, size, random_upper_uuid(), call));
  }
  MSB_TRY(const os::File mark, staged.create_file(kUnrecorded));
  return staged;
}

/// Takes a marked directory away again, on the way out with another failure.
void take_back(const image::Context& context, const std::string& name) {
  const auto marked = is_marked(context, directory_of(context, name));
  if (!marked || !*marked) return;
  const Done discarded = discard_directory(context, name);
  if (!discarded) context.log.warn("sandbox", "left for recovery: " + discarded.error().message());
}

Done publish(const image::Context& context, os::StagedDir staged, const std::string& name) {
  auto published = staged.publish(name, os::Existing::refuse);
  if (published) return {};
  if (published.error().os_code() != EEXIST) {
    take_back(context, name);  // it may be there, but not for good
    return std::move(published).error();
  }
  const std::string directory = directory_of(context, name);
  return Error(msb::Status::sandbox_already_exists,
               name + ": " + directory + " is there without a record of a sandbox; move it away")
      .with("name", name)
      .with("path", directory);
}

/// Writes the record, or takes the directory away again.
Done record(const image::Context& context, const index::NewSandbox& sandbox, const Call& call) {
  auto recorded = context.database.write(
      call, [&](index::Transaction& transaction) { return index::insert_sandbox(transaction, sandbox); });
  if (!recorded) {
    take_back(context, sandbox.name);
    return recorded;
  }
  // The mark stays until the record is there for good: recover() then knows which of the two is true.
  Done settled = context.database.make_durable();
  if (settled) settled = unmark(context, directory_of(context, sandbox.name));
  if (!settled) context.log.warn("sandbox", "left for recovery: " + settled.error().message());
  return {};
}

}  // namespace

Result<Sandbox> create(const image::Context& context, const std::string& name, const CreateRequest& request,
                       const Call& call) {
  MSB_CHECK(context.database.check_writable(call));
  MSB_CHECK(check_name(name));
  MSB_CHECK(check_source(request));
  NewConfig config;
  config.name = name;
  MSB_TRY(config.labels, check_labels(request));
  MSB_TRY(const index::Schema schema, context.database.schema(call));
  MSB_CHECK(check_free(context, name, request.replace, call));

  MSB_TRY(PinnedImage pinned, pin_image(context, request, call));
  const uint64_t size = request.upper_size != 0 ? request.upper_size : kDefaultUpperSize;
  if (request.image && size % kMiB == 0) config.disk_mib = size / kMiB;
  config.image_ref = pinned.reference;
  config.image_digest = pinned.digest;
  config.image = std::move(pinned.config);
  if (request.origin) config.user = request.origin->user;
  MSB_TRY(std::string text, write_config(config, schema, request.config_json));

  MSB_TRY(os::StagedDir staged, stage(context, name, request, size, call));
  MSB_CHECK(call.check());
  MSB_TRY(const os::FileLock lock, lock_creation(context, name, call));
  MSB_CHECK(make_free(context, name, request.replace, call));
  MSB_CHECK(publish(context, std::move(staged), name));
  const index::NewSandbox sandbox{
      .name = name,
      .config = std::move(text),
      .status = std::string(stored_status(Status::stopped)),
      .labels = {config.labels.begin(), config.labels.end()},
      .manifest_digest = pinned.digest,
      .created_at = now_ns(),
  };
  MSB_CHECK(record(context, sandbox, call));
  MSB_TRY(Observed made, observe(context, name, Lifecycle::free, Call()));
  return std::move(made.sandbox);
}

}  // namespace msb::sandbox
