#include "sandbox/create.h"

#include <cerrno>
#include <map>
#include <optional>

#include "index/sandboxes.h"
#include "os/publish.h"
#include "os/sparse.h"
#include "sandbox/directory.h"
#include "sandbox/hold.h"
#include "sandbox/locks.h"
#include "sandbox/new_config.h"
#include "sandbox/observe.h"
#include "sandbox/pinned_image.h"
#include "sandbox/settle.h"
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

Result<std::optional<index::SandboxRecord>> find_record(const image::Context& context, const std::string& name,
                                                        const Call& call) {
  return context.database.read(call,
                               [&](index::Transaction& transaction) { return index::find_sandbox(transaction, name); });
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

Done publish(const image::Context& context, os::StagedDir staged, const std::string& name) {
  auto published = staged.publish(name, os::Existing::refuse);
  if (published) return {};
  if (published.error().os_code() != EEXIST) {
    settle_if_possible(context, name);  // it may be there, but not for good
    return std::move(published).error();
  }
  const std::string directory = directory_of(context, name);
  return Error(msb::Status::sandbox_already_exists,
               name + ": " + directory + " is there without a record of a sandbox; move it away")
      .with("name", name)
      .with("path", directory);
}

/// Puts the directory in its place and writes the record, or leaves neither.
Done add(const image::Context& context, os::StagedDir staged, const index::NewSandbox& sandbox, const Call& call) {
  MSB_CHECK(publish(context, std::move(staged), sandbox.name));
  auto recorded = context.database.write(
      call, [&](index::Transaction& transaction) { return index::insert_sandbox(transaction, sandbox); });
  // The mark stays until the record is there for good: recover() then knows which of the two is true.
  settle_if_possible(context, sandbox.name);
  return recorded;
}

/// The record of what has the name, which stays stopped.
struct Replaced {
  StoppedHold hold;
  int64_t record = 0;
};
Result<Replaced> hold_replaced(const image::Context& context, const std::string& name, const Call& call) {
  MSB_TRY(StoppedHold hold, hold_idle(context, name, call));
  MSB_TRY(const auto record, find_record(context, name, call));
  if (!record) return Error(msb::Status::sandbox_not_found, name).with("name", name);
  return Replaced{std::move(hold), record->id};
}

/// Exchanges directories and records in one transaction: whenever it ends, the one or the other sandbox is there.
Done replace(const image::Context& context, os::StagedDir staged, const index::NewSandbox& sandbox,
             const Replaced& replaced, const Call& call) {
  const std::string& name = sandbox.name;
  {
    const std::string path = os::join_path(staged.dir().path(), kUnrecorded);
    MSB_TRY(const os::File mark, os::File::open_regular(context.fs, AT_FDCWD, path, O_WRONLY));
    MSB_CHECK(mark.write_at(as_bytes(mark_text({replaced.record})), 0));
  }
  const std::string aside = aside_name(name);
  auto waiting = staged.publish(aside, os::Existing::refuse);
  if (!waiting) {
    settle_if_possible(context, name);
    return std::move(waiting).error();
  }
  std::optional<bool> exchanged;  // work that is undone for another's sake is done again
  auto recorded = context.database.write(call, [&](index::Transaction& transaction) -> Done {
    MSB_TRY(const auto record, index::find_sandbox(transaction, name));
    if (!record || record->id != replaced.record) {
      return Error(msb::Status::busy, "others changed the sandbox " + name + " meanwhile; try again")
          .with("name", name);
    }
    MSB_CHECK(index::delete_sandbox(transaction, record->id));
    MSB_CHECK(index::insert_sandbox(transaction, sandbox));
    if (exchanged) return {};
    auto done = os::exchange(context.fs, context.sandboxes_dir, aside, name);
    if (!done && done.error().os_code() != ENOENT) return std::move(done).error();
    exchanged = done && *done;  // else settle() puts the new directory in its place
    return {};
  });
  if (recorded && !*exchanged) {
    auto settled = settle(context, name, Call());
    if (settled) return {};
    return std::move(settled).error().in("'recover' completes the replacement of " + name);
  }
  settle_if_possible(context, name);
  return recorded;
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
  // What a create or a removal that was killed has left.
  MSB_TRY(const bool settled, settle(context, name, call));
  (void)settled;
  const index::NewSandbox sandbox{
      .name = name,
      .config = std::move(text),
      .status = std::string(stored_status(Status::stopped)),
      .labels = {config.labels.begin(), config.labels.end()},
      .manifest_digest = pinned.digest,
      .created_at = now_ns(),
  };
  MSB_TRY(const auto there, find_record(context, name, call));
  if (there && !request.replace) return already_exists(name);
  if (there) {
    MSB_TRY(const Replaced replaced, hold_replaced(context, name, call));
    MSB_CHECK(replace(context, std::move(staged), sandbox, replaced, call));
  } else {
    MSB_CHECK(add(context, std::move(staged), sandbox, call));
  }
  auto made = observe(context, name, Lifecycle::free, Call());
  if (made) return std::move(made->sandbox);
  // It exists: what cannot be read of it now is missing from the answer, and is no failure to create it.
  context.log.warn("sandbox", name + " is created, and cannot be read back: " + made.error().message());
  Sandbox unread;
  unread.name = name;
  unread.labels = std::move(config.labels);
  unread.config_json = sandbox.config;
  unread.image_ref = std::move(config.image_ref);
  unread.image_digest = std::move(config.image_digest);
  unread.created_at = sandbox.created_at;
  unread.updated_at = sandbox.created_at;
  return unread;
}

}  // namespace msb::sandbox
