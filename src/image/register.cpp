#include "image/register.h"

#include <cerrno>
#include <map>
#include <optional>
#include <vector>

#include "image/documents.h"
#include "os/dir.h"
#include "os/file.h"
#include "os/lock.h"
#include "os/publish.h"

namespace msb::image {
namespace {

constexpr mode_t kFileMode = 0644;
/// Documents that are written, and whose locks are held, at once: descriptors must not grow with the references.
constexpr size_t kAtOnce = 32;

/// Documents that are being replaced, sorted by the key of their reference, which is the order of their locks. The
/// locks are held until the rows are there as well. Of more documents than can be locked at once those come last that
/// are held so long; meanwhile nobody else of ours writes any.
class Documents {
 public:
  explicit Documents(const Context& context) : context_(context) {}
  Documents(const Documents&) = delete;
  Documents& operator=(const Documents&) = delete;
  ~Documents() {
    if (!kept_) restore();
  }

  void add(const oci::Reference& reference, const oci::CacheRecord& record) {
    Document& document = documents_[reference.cache_key()];
    document.repository = reference.registry() + "/" + reference.repository();
    document.record = &record;
  }

  Done write(const Call& call) {
    const auto mode = documents_.size() > kAtOnce ? os::LockMode::exclusive : os::LockMode::shared;
    MSB_TRY(writing_, os::FileLock::acquire(context_.fs, context_.paths.leases() + "/.documents.lock", mode, call));
    for (auto begin = documents_.begin(); begin != documents_.end();) {
      auto end = begin;
      for (size_t i = 0; i < kAtOnce && end != documents_.end(); ++i) ++end;
      MSB_CHECK(write_some(begin, end, call));
      if (end == documents_.end()) break;
      for (; begin != end; ++begin) begin->second.lock.reset();
    }
    return {};
  }

  void keep() { kept_ = true; }

 private:
  struct Document {
    std::string repository;
    const oci::CacheRecord* record = nullptr;
    std::optional<os::FileLock> lock;
    std::optional<std::string> before;
    bool written = false;
  };
  using Map = std::map<std::string, Document>;

  Done write_some(Map::iterator begin, Map::iterator end, const Call& call) {
    for (auto at = begin; at != end; ++at) {
      MSB_TRY(at->second.lock, os::FileLock::acquire(context_.fs, context_.paths.metadata_lock(at->first),
                                                     os::LockMode::exclusive, call, context_.busy_timeout));
    }
    std::vector<os::StagedFile> staged;
    std::vector<os::Publication> files;
    staged.reserve(kAtOnce);
    for (auto at = begin; at != end; ++at) {
      MSB_CHECK(call.check());
      auto& [key, document] = *at;
      const std::string path = context_.paths.metadata(key);
      MSB_TRY(document.before, read_document(context_, path, oci::kMaxCacheRecordBytes));
      if (document.before) MSB_CHECK(keep_by_digest(document));
      MSB_TRY(os::StagedFile file, stage(document.record->write()));
      staged.push_back(std::move(file));
      files.push_back({&staged.back(), path});
    }
    for (auto at = begin; at != end; ++at) at->second.written = true;
    return os::publish_all(files, os::Existing::replace);
  }

  Result<os::StagedFile> stage(const std::string& text) const {
    MSB_TRY(os::StagedFile file, os::StagedFile::create(context_.fs, context_.paths.manifests(), kFileMode));
    MSB_CHECK(file.file().write_at(as_bytes(text), 0));
    return file;
  }

  /// The image that a reference leaves behind may be in use, and its document is the only place that has its manifest.
  /// It goes on under the reference that has the digest, and goes with the image.
  Done keep_by_digest(const Document& document) {
    const auto before = oci::CacheRecord::parse(*document.before);
    if (!before || before->manifest_digest == document.record->manifest_digest) return {};
    const auto pinned = oci::Reference::parse(document.repository + "@" + before->manifest_digest.text());
    if (!pinned || documents_.contains(pinned->cache_key())) return {};
    const std::string path = context_.paths.metadata(pinned->cache_key());
    MSB_TRY(const bool there, os::exists(context_.fs, path));
    if (there) return {};
    MSB_TRY(os::StagedFile file, stage(*document.before));
    Done kept = file.publish(path, os::Existing::refuse);
    if (kept) pinned_.push_back(path);
    if (!kept && kept.error().os_code() == EEXIST) return {};
    return kept;
  }

  void restore() {
    for (const std::string& path : pinned_) {
      const int result = context_.fs.unlink(AT_FDCWD, path.c_str(), 0);
      if (result < 0) context_.log.warn("image", "could not take a document back: " + path);
    }
    for (auto& [key, document] : documents_) {
      const Done done = restore(key, document);
      if (!done) context_.log.warn("image", "could not put a document back: " + done.error().message());
    }
  }

  Done restore(const std::string& key, Document& document) const {
    const std::string path = context_.paths.metadata(key);
    if (document.written) {
      if (!document.lock) {
        MSB_TRY(document.lock,
                os::FileLock::try_acquire(context_.fs, context_.paths.metadata_lock(key), os::LockMode::exclusive));
        // Its holder writes another one, or has.
        if (!document.lock) return {};
        MSB_TRY(const std::string now, os::read_small(context_.fs, AT_FDCWD, path, oci::kMaxCacheRecordBytes));
        if (now != document.record->write()) return {};
      }
      MSB_CHECK(put_back(path, document.before));
    }
    if (document.lock && !document.before) document.lock->retire();
    document.lock.reset();
    return {};
  }

  Done put_back(const std::string& path, const std::optional<std::string>& before) const {
    if (before) {
      MSB_TRY(os::StagedFile file, stage(*before));
      return file.publish(path, os::Existing::replace);
    }
    const int result = context_.fs.unlink(AT_FDCWD, path.c_str(), 0);
    return result == 0 || result == -ENOENT ? Done() : Done(Error::io("remove", path, -result));
  }

  const Context& context_;
  Map documents_;
  std::optional<os::FileLock> writing_;
  std::vector<std::string> pinned_;  // documents kept by digest
  bool kept_ = false;
};

/// Stored spellings of the references, beside those that the caller has.
Result<std::vector<std::pair<std::string, const ReadyImage*>>> other_spellings(
    index::Transaction& transaction, const std::map<std::string, const ReadyImage*>& images) {
  std::vector<std::pair<std::string, const ReadyImage*>> others;
  MSB_TRY(index::Statement rows, transaction.query("SELECT reference FROM image_ref"));
  while (true) {
    MSB_TRY(const bool more, rows.step());
    if (!more) return others;
    std::string text = rows.text(0);
    const auto reference = oci::Reference::parse(text);
    if (!reference) continue;
    const auto found = images.find(reference->cache_key());
    if (found != images.end()) others.emplace_back(std::move(text), found->second);
  }
}

}  // namespace

Result<std::vector<index::ImageRow>> register_images(const Context& context, std::span<const ReadyImage> images,
                                                     const Call& call) {
  Documents documents(context);
  std::map<std::string, const ReadyImage*> by_key;
  for (const ReadyImage& image : images) {
    for (const Spelling& spelling : image.spellings) {
      const std::string key = spelling.reference.cache_key();
      by_key[key] = &image;
      documents.add(spelling.reference, image.document);
    }
  }
  MSB_CHECK(documents.write(call));
  MSB_TRY(auto rows,
          context.database.write(call, [&](index::Transaction& transaction) -> Result<std::vector<index::ImageRow>> {
            std::vector<index::ImageRow> stored;
            MSB_TRY(const auto others, other_spellings(transaction, by_key));
            for (const auto& [text, image] : others) MSB_CHECK(index::persist_image(transaction, text, image->row));
            for (const ReadyImage& image : images) {
              for (const Spelling& spelling : image.spellings) {
                MSB_CHECK(index::persist_image(transaction, spelling.text, image.row));
                MSB_TRY(auto row, index::find_image(transaction, spelling.text));
                if (!row) return Error(Status::internal, "a row that was just written is missing: " + spelling.text);
                stored.push_back(std::move(*row));
              }
            }
            return stored;
          }));
  documents.keep();
  return rows;
}

}  // namespace msb::image
