#include "image/sweep.h"

#include <algorithm>
#include <cerrno>
#include <set>

#include "digest/digest.h"
#include "image/lease.h"
#include "oci/reference.h"
#include "os/dir.h"
#include "os/lock.h"
#include "os/remove.h"

namespace msb::image {
namespace {

using index::Statement;
using index::Transaction;

/// Images whose rows go before their files follow: one sync of the database for all of them.
constexpr size_t kBatch = 16;

using Names = std::set<std::string, std::less<>>;

/// True when the query, which names its one parameter, has a row.
Result<bool> any(Transaction& transaction, std::string_view sql, std::initializer_list<index::Param> params) {
  MSB_TRY(Statement row, transaction.query(sql, params));
  return row.step();
}

class Sweeper {
 public:
  Sweeper(const Context& context, const Reachability& found, const std::vector<Verdict>& verdicts, const Call& call)
      : context_(context), found_(found), verdicts_(verdicts), call_(call) {}

  Result<Swept> run() {
    sort_out();
    MSB_CHECK(remove_dangling());
    for (size_t begin = 0; begin < images_.size(); begin += kBatch) {
      const size_t end = std::min(begin + kBatch, images_.size());
      size_t done = begin;
      Done stopped;
      MSB_TRY(const Names leased, leased_names());
      for (; done < end; ++done) {
        stopped = call_.check();
        if (!stopped) break;
        MSB_CHECK(remove_rows(images_[done], leased));
      }
      if (done != begin) MSB_CHECK(make_durable());
      // What has lost its rows is finished even if the call has been stopped meanwhile.
      for (size_t i = begin; i < done; ++i) MSB_CHECK(remove_files(images_[i].files, finish_));
      MSB_CHECK(std::move(stopped));
    }
    MSB_CHECK(remove_files(orphans_, call_));
    return swept_;
  }

 private:
  /// One image whose rows go, wholly or in part, and the files that only it and those before it use.
  struct Going {
    uint32_t image = kNobody;
    bool manifest = false;
    std::vector<uint32_t> references;
    std::vector<size_t> files;  ///< positions of items
  };

  void sort_out() {
    std::vector<uint32_t> position(found_.images.size(), kNobody);
    const auto going = [&](uint32_t image) -> Going& {
      if (position[image] == kNobody) {
        position[image] = static_cast<uint32_t>(images_.size());
        images_.emplace_back().image = image;
      }
      return images_[position[image]];
    };
    for (size_t i = 0; i < found_.items.size(); ++i) {
      const Item& item = found_.items[i];
      if (!verdicts_[i].remove) continue;
      if (item.kind == ItemKind::manifest) going(item.subject).manifest = true;
      if (item.kind != ItemKind::reference) continue;
      const uint32_t image = found_.references[item.subject].image;
      if (image == kNobody) {
        dangling_.push_back(item.subject);
      } else {
        going(image).references.push_back(item.subject);
      }
    }
    std::ranges::stable_sort(images_, {}, [&](const Going& image) { return last_use(image); });
    for (uint32_t i = 0; i < images_.size(); ++i) position[images_[i].image] = i;
    for (size_t i = 0; i < found_.items.size(); ++i) {
      const Item& item = found_.items[i];
      if (!verdicts_[i].remove || item.kind == ItemKind::reference || item.kind == ItemKind::manifest) continue;
      uint32_t last = kNobody;
      for (const uint32_t image : item.images) {
        if (position[image] != kNobody && (last == kNobody || position[image] > last)) last = position[image];
      }
      (last == kNobody ? orphans_ : images_[last].files).push_back(i);
    }
  }

  /// References whose manifest row is missing lead nowhere.
  Done remove_dangling() {
    if (dangling_.empty()) return {};
    MSB_TRY(const std::vector<uint32_t> stayed,
            context_.database.write(call_, [&](Transaction& transaction) -> Result<std::vector<uint32_t>> {
              std::vector<uint32_t> result;
              for (const uint32_t index : dangling_) {
                MSB_TRY(const bool gone, delete_reference(transaction, found_.references[index].row));
                if (!gone) result.push_back(index);
              }
              return result;
            }));
    keep_keys(stayed);
    swept_.references += static_cast<uint32_t>(dangling_.size() - stayed.size());
    return {};
  }

  UnixNanos last_use(const Going& going) const {
    UnixNanos last = 0;
    for (const uint32_t r : going.references) last = std::max(last, found_.references[r].row.last_used_at);
    return last;
  }

  Result<Names> leased_names() const {
    MSB_TRY(const auto digests, live_leases(context_, finish_));
    Names names;
    for (const std::string& text : digests) {
      if (const auto digest = Digest::parse(text)) names.insert(digest->safe_name());
    }
    return names;
  }

  Done remove_rows(const Going& going, const Names& leased) {
    const Image& image = found_.images[going.image];
    if (leased.contains(image.name)) {
      keep_keys(going.references);
      return {};
    }
    struct Outcome {
      std::vector<uint32_t> stayed;
      bool manifest = false;
    };
    MSB_TRY(const Outcome outcome, context_.database.write(call_, [&](Transaction& transaction) -> Result<Outcome> {
      Outcome result;
      MSB_TRY(const bool used, came_into_use(transaction, image));
      if (used) {
        result.stayed = going.references;
        return result;
      }
      for (const uint32_t index : going.references) {
        MSB_TRY(const bool gone, delete_reference(transaction, found_.references[index].row));
        if (!gone) result.stayed.push_back(index);
      }
      if (going.manifest) {
        MSB_TRY(result.manifest, delete_unused_manifest(transaction, image.row, image.digest));
      }
      return result;
    }));
    keep_keys(outcome.stayed);
    swept_.references += static_cast<uint32_t>(going.references.size() - outcome.stayed.size());
    swept_.manifests += outcome.manifest ? 1 : 0;
    return {};
  }

  /// The image had no user but references when it was judged; so any user is a new one.
  Result<bool> came_into_use(Transaction& transaction, const Image& image) const {
    MSB_TRY(const bool booted,
            any(transaction, "SELECT 1 FROM sandbox_rootfs WHERE manifest_id = ? LIMIT 1", {image.row}));
    if (booted) return true;
    MSB_TRY(
        const bool created,
        any(transaction, "SELECT 1 FROM sandbox WHERE (id > ?1 OR updated_at >= ?2) AND instr(config, ?3) > 0 LIMIT 1",
            {found_.last_sandbox, format_db_time(found_.at), image.digest}));
    if (created) return true;
    return indexed_snapshot_uses(transaction, image.digest);
  }

  /// Only as it was judged: a row that has been used or has moved to another image since stays.
  static Result<bool> delete_reference(Transaction& transaction, const ReferenceRow& row) {
    MSB_CHECK(
        transaction.execute("DELETE FROM image_ref WHERE id = ? AND reference = ? AND manifest_id = ?"
                            " AND coalesce(updated_at, '') = ?",
                            {row.id, row.reference, row.manifest_id, row.last_used}));
    return transaction.changes() == 1;
  }

  void keep_keys(const std::vector<uint32_t>& references) {
    for (const uint32_t index : references) kept_keys_.insert(found_.references[index].key);
  }

  /// A file must not be gone before its rows are: after a power failure the index would promise what is not there.
  Done make_durable() const {
    const std::string log = context_.database.path() + "-wal";
    auto file = os::File::open_regular(context_.fs, AT_FDCWD, log);
    if (file) return file->sync();
    if (file.error().os_code() == ENOENT) return {};
    return std::move(file).error();
  }

  Done remove_files(const std::vector<size_t>& items, const Call& call) {
    for (const size_t i : items) {
      MSB_CHECK(call.check());
      const Item& item = found_.items[i];
      MSB_TRY(const bool removed, remove_item(item, verdicts_[i].orphan, call));
      if (!removed) continue;
      switch (item.kind) {
        case ItemKind::layer:
          ++swept_.layers;
          break;
        case ItemKind::fsmeta:
          ++swept_.fsmeta;
          break;
        case ItemKind::vmdk:
          ++swept_.vmdk;
          break;
        default:
          ++swept_.others;
      }
    }
    return {};
  }

  /// False when it has come into use, or somebody is writing it.
  Result<bool> remove_item(const Item& item, bool orphan, const Call& call) {
    // While the gate is closed nobody can begin to count on the item, and a lock of its writers is not waited for: its
    // holder may be waiting for the gate.
    MSB_TRY(const SweepGate gate, SweepGate::close(context_, call));
    MSB_TRY(const Names leased, leased_names());
    for (const uint32_t image : item.images) {
      if (leased.contains(found_.images[image].name)) return false;
    }
    for (const CacheFile& file : item.files) {
      if (item.kind != ItemKind::temporary && leased.contains(file.name)) return false;
    }
    if (item.kind == ItemKind::layer && item.row != 0) MSB_CHECK(delete_unused_layer(item, call));
    MSB_TRY(const bool used, context_.database.read(call, [&](Transaction& transaction) -> Result<bool> {
      return is_used(transaction, item);
    }));
    if (used) return false;
    for (const CacheFile& file : item.files) {
      MSB_TRY(const bool gone, remove_file(file, orphan, call));
      if (!gone) return false;
    }
    return true;
  }

  Done delete_unused_layer(const Item& item, const Call& call) {
    return context_.database.write(call, [&](Transaction& transaction) -> Done {
      return transaction.execute(
          "DELETE FROM layer WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM manifest_layer WHERE layer_id = ?1)",
          {item.row});
    });
  }

  Result<bool> is_used(Transaction& transaction, const Item& item) const {
    switch (item.kind) {
      case ItemKind::layer:
        return any(transaction, "SELECT 1 FROM layer WHERE diff_id = ? LIMIT 1", {item.name});
      case ItemKind::fsmeta:
      case ItemKind::vmdk:
        return any(transaction, "SELECT 1 FROM manifest WHERE digest = ? LIMIT 1", {item.name});
      case ItemKind::blob:
        return any(transaction,
                   "SELECT 1 FROM layer WHERE blob_digest = ?1"
                   " UNION ALL SELECT 1 FROM manifest WHERE digest = ?1 OR config_digest = ?1 LIMIT 1",
                   {item.name});
      case ItemKind::metadata:
        return is_referenced(transaction, item.files.front().name);
      default:
        return false;
    }
  }

  /// True when a reference that stayed, or one that is new, leads to the document.
  Result<bool> is_referenced(Transaction& transaction, const std::string& key) const {
    if (kept_keys_.contains(key)) return true;
    MSB_TRY(Statement row, transaction.query("SELECT reference FROM image_ref WHERE id > ?", {found_.last_reference}));
    for (;;) {
      MSB_TRY(const bool more, row.step());
      if (!more) return false;
      const auto reference = oci::Reference::parse(row.text(0));
      if (reference && reference->cache_key() == key) return true;
    }
  }

  /// Removes one file of an item; true when it is gone, by us or by others.
  Result<bool> remove_file(const CacheFile& file, bool orphan, const Call& call) {
    std::optional<os::FileLock> writers;
    if (const std::string path = lock_of(context_, file); !path.empty()) {
      auto lock = os::FileLock::try_acquire(context_.fs, path, os::LockMode::exclusive);
      if (!lock && lock.error().os_code() != ENOENT) return std::move(lock).error();
      if (lock && !lock->has_value()) return false;
      if (lock) writers = *std::move(lock);
    }
    std::optional<os::File> leftover;
    if (file.role == FileRole::leftover) {
      auto opened = os::File::open(context_.fs, AT_FDCWD, file.path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
      if (!opened && opened.error().os_code() == ENOENT) return true;
      if (!opened) return std::move(opened).error();
      MSB_TRY(const bool dead, os::try_flock(*opened, os::LockMode::exclusive));
      if (!dead) return false;
      leftover = *std::move(opened);
    }
    MSB_TRY(const FileSize size, measure(context_, file.path, call));
    if (orphan && now_ns() - size.modified < kYoung) return false;  // made anew since it was judged
    const std::string folder = os::parent_path(file.path);
    auto directory = os::open_dir(context_.fs, folder);
    if (!directory && directory.error().os_code() == ENOENT) return true;
    if (!directory) return std::move(directory).error();
    MSB_CHECK(os::remove_tree(*directory, os::base_name(file.path), call));
    swept_.bytes += size.freed;
    return true;
  }

  const Context& context_;
  const Reachability& found_;
  const std::vector<Verdict>& verdicts_;
  const Call& call_;
  const Call finish_;  // goes on when call_ has been stopped
  std::vector<Going> images_;
  std::vector<uint32_t> dangling_;
  std::vector<size_t> orphans_;
  Names kept_keys_;  // of references that were to go, but stayed
  Swept swept_;
};

}  // namespace

Result<bool> delete_unused_manifest(Transaction& transaction, int64_t row, const std::string& digest) {
  MSB_TRY(const bool used, any(transaction,
                               "SELECT 1 FROM image_ref WHERE manifest_id = ?1"
                               " UNION ALL SELECT 1 FROM sandbox_rootfs WHERE manifest_id = ?1 LIMIT 1",
                               {row}));
  if (used) return false;
  MSB_TRY(const bool snapshot, indexed_snapshot_uses(transaction, digest));
  if (snapshot) return false;
  std::vector<int64_t> layers;
  {
    MSB_TRY(Statement layer,
            transaction.query("SELECT DISTINCT layer_id FROM manifest_layer WHERE manifest_id = ?", {row}));
    for (;;) {
      MSB_TRY(const bool more, layer.step());
      if (!more) break;
      layers.push_back(layer.integer(0));
    }
  }
  // Config and manifest_layer rows go with it by their foreign keys.
  MSB_CHECK(transaction.execute("DELETE FROM manifest WHERE id = ? AND digest = ?", {row, digest}));
  if (transaction.changes() == 0) return false;
  for (const int64_t layer : layers) {
    MSB_CHECK(transaction.execute(
        "DELETE FROM layer WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM manifest_layer WHERE layer_id = ?1)", {layer}));
  }
  return true;
}

Result<Swept> sweep(const Context& context, const Reachability& found, const std::vector<Verdict>& verdicts,
                    const Call& call) {
  return Sweeper(context, found, verdicts, call).run();
}

}  // namespace msb::image
