#include "snapshot/translate.h"

#include <cerrno>
#include <map>

#include "index/translations.h"
#include "os/lock.h"
#include "os/publish.h"
#include "snapshot/artifact.h"
#include "snapshot/indexing.h"
#include "snapshot/mapping.h"

namespace msb::snapshot {
namespace {

constexpr const char* kLock = ".snapshot-migration.lock";

Error untranslatable(const std::string& what) { return Error(Status::snapshot_migration, what); }

/// Which file it is, as microsandbox writes it down.
std::string spell_identity(const struct stat& st) {
  const auto time = [](const struct timespec& spec) {
    std::string nanos = std::to_string(spec.tv_nsec);
    nanos.insert(0, 9 - nanos.size(), '0');
    return std::to_string(spec.tv_sec) + "." + nanos;
  };
  return "dev=" + std::to_string(st.st_dev) + ";ino=" + std::to_string(st.st_ino) +
         ";len=" + std::to_string(st.st_size) + ";mtime=" + time(st.st_mtim) + ";ctime=" + time(st.st_ctim);
}

/// An artifact that has a `manifest.json`.
struct Source {
  std::string path;
  Descriptor manifest;
  std::string digest;
};

Result<std::optional<Source>> read_source(const Context& context, const std::string& path) {
  MSB_TRY(const os::File dir, os::open_dir(context.fs, AT_FDCWD, path, O_NOFOLLOW));
  MSB_TRY(const auto text, read_member(dir, file_name(Form::manifest), kMaxDescriptor));
  if (!text) return std::optional<Source>();
  MSB_TRY(Descriptor manifest, parse_descriptor(*text, Form::manifest));
  std::string digest = identity(manifest).text();
  return std::optional(Source{path, std::move(manifest), std::move(digest)});
}

class Pass {
 public:
  Pass(const Context& context, const Call& call) : context_(&context), call_(&call) {}

  Result<uint32_t> run(const std::vector<std::string>& paths) {
    for (const std::string& path : paths) {
      MSB_CHECK(call_->check());
      auto source = read_source(*context_, path);
      if (!source && source.error().status() == Status::io && source.error().os_code() != ENOENT) {
        return std::move(source).error();  // nobody knows whose parent it is
      }
      if (!source || !*source) continue;
      const std::string digest = (*source)->digest;
      sources_.emplace(digest, **std::move(source));
    }
    uint32_t count = 0;
    for (const auto& [digest, source] : sources_) {
      const bool done = visit(source);
      MSB_CHECK(call_->check());
      if (done) ++count;
    }
    return count;
  }

 private:
  /// Translates it after its ancestors, once. No artifact is its own ancestor: its digest covers that of its parent.
  bool visit(const Source& source) {
    const auto known = outcomes_.find(source.digest);
    if (known != outcomes_.end()) return known->second;
    const auto parent = sources_.find(source.manifest.parent.value_or(std::string()));
    const bool waits = parent != sources_.end() && !visit(parent->second);
    const Done done = waits ? untranslatable("its parent is not translated") : translate(source);
    if (!done) context_->log.warn("snapshot", source.path + " is not translated: " + done.error().message());
    return outcomes_.emplace(source.digest, done.ok()).first->second;
  }

  /// What a parent is called now. One that is gone keeps the name it had.
  Result<std::optional<std::string>> parent_of(const Source& source) const {
    if (!source.manifest.parent) return std::optional<std::string>();
    MSB_TRY(auto now, context_->database.read(*call_, [&](index::Transaction& transaction) {
      return index::find_translated(transaction, *source.manifest.parent);
    }));
    if (now) return now;
    return source.manifest.parent;
  }

  Done translate(const Source& source) const {
    const std::string lock_path = os::join_path(source.path, kLock);
    MSB_TRY(const os::FileLock lock,
            os::FileLock::acquire(context_->fs, lock_path, os::LockMode::exclusive, *call_, context_->busy_timeout));
    MSB_TRY(const auto again, read_source(*context_, source.path));
    if (!again || again->digest != source.digest) return Error(Status::busy, "somebody else is at it");

    MSB_TRY(const auto parent, parent_of(source));
    MSB_TRY(const Descriptor descriptor, translated(source.manifest, parent));
    MSB_CHECK(write(source, descriptor));
    // Opened by its new descriptor, and so with all that is checked of a snapshot.
    MSB_TRY(const Artifact artifact, open_artifact(context_->fs, source.path));
    if (artifact.digest != identity(descriptor)) return untranslatable("another descriptor is there");
    MSB_CHECK(record(source, artifact));
    return retire_manifest(source);
  }

  Done write(const Source& source, const Descriptor& descriptor) const {
    const std::string target = os::join_path(source.path, file_name(Form::snapshot));
    MSB_TRY(const bool there, os::exists(context_->fs, target));
    if (there) return {};  // of somebody who died before the end
    MSB_TRY(const size_t swept, os::sweep_leftovers(context_->fs, source.path, *call_));
    (void)swept;
    // Not before it is known that the disk is there: the manifest says the same of it.
    MSB_TRY(const Artifact artifact, open_artifact(context_->fs, source.path));
    (void)artifact;
    MSB_TRY(os::StagedFile staged, os::StagedFile::create(context_->fs, source.path));
    MSB_CHECK(staged.file().write_at(as_bytes(canonical_bytes(descriptor)), 0));
    return staged.publish(target, os::Existing::refuse);
  }

  Done record(const Source& source, const Artifact& artifact) const {
    MSB_TRY(const index::SnapshotRecord row, record_of(*context_, artifact));
    MSB_TRY(const os::File upper, os::File::open_regular(context_->fs, AT_FDCWD, artifact.upper_path()));
    MSB_TRY(const struct stat st, upper.status());
    index::Translation translation;
    translation.artifact_path = source.path;
    translation.source_digest = source.digest;
    translation.target_digest = artifact.digest.text();
    translation.source_parent = source.manifest.parent;
    translation.target_parent = artifact.descriptor.parent;
    if (artifact.descriptor.integrity) translation.payload_integrity = artifact.descriptor.integrity->digest;
    translation.payload_size = artifact.descriptor.upper_size;
    translation.payload_identity = spell_identity(st);
    return context_->database.write(*call_, [&](index::Transaction& transaction) -> Done {
      MSB_CHECK(index::upsert_snapshot(transaction, row));
      MSB_CHECK(index::finish_translation(transaction, translation));
      return index::recount_children(transaction);
    });
  }

  Done retire_manifest(const Source& source) const {
    MSB_TRY(const os::File dir, os::open_dir(context_->fs, AT_FDCWD, source.path, O_NOFOLLOW));
    const std::string manifest(file_name(Form::manifest));
    const int moved = context_->fs.rename(dir.fd(), manifest.c_str(), dir.fd(), kRetiredManifest, 0);
    if (moved < 0) return Error::io("retire", os::join_path(source.path, manifest), -moved);
    return dir.sync();
  }

  const Context* context_;
  const Call* call_;
  std::map<std::string, Source> sources_;  // by digest
  std::map<std::string, bool> outcomes_;
};

}  // namespace

Result<uint32_t> translate(const Context& context, const Call& call) {
  if (context.read_only) return 0U;
  MSB_TRY(const index::Schema schema, context.database.schema(call));
  if (schema.generation() != index::Generation::descriptor || !schema.writable()) return 0U;
  if (schema.needs_sparse_digests()) return 0U;  // it could not read the Merkle root in the new form either
  MSB_TRY(const std::vector<std::string> paths, context.database.read(call, index::unfinished_translations));
  if (paths.empty()) return 0U;
  return Pass(context, call).run(paths);
}

}  // namespace msb::snapshot
