#include "image/sweep.h"

#include <algorithm>
#include <cerrno>
#include <optional>
#include <set>
#include <span>
#include <unordered_map>

#include "digest/digest.h"
#include "image/lease.h"
#include "index/images.h"
#include "index/sandboxes.h"
#include "index/snapshots.h"
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
/// Items that go while the gate is closed once.
constexpr size_t kAtOnce = 8;

using Names = std::set<std::string, std::less<>>;

/// True when the query, which names its one parameter, has a row.
Result<bool> any(Transaction& transaction, std::string_view sql, std::initializer_list<index::Param> params) {
  MSB_TRY(Statement row, transaction.query(sql, params));
  return row.step();
}

Done delete_layer_if_unused(Transaction& transaction, int64_t row) {
  return transaction.execute(
      "DELETE FROM layer WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM manifest_layer WHERE layer_id = ?1)", {row});
}

class Sweeper {
 public:
  Sweeper(const Context& context, const Reachability& found, const std::vector<Verdict>& verdicts, const Call& call)
      : context_(context), found_(found), verdicts_(verdicts), call_(call) {}

  Result<Swept> run() {
    sort_out();
    // First what needs no room in the database: the disk may be full.
    MSB_CHECK(remove_files(orphans_, call_));
    for (size_t begin = 0; begin < images_.size(); begin += kBatch) {
      MSB_CHECK(call_.check());
      const std::span batch = std::span(images_).subspan(begin, std::min(kBatch, images_.size() - begin));
      MSB_CHECK(remove_rows(batch));
      // A file must not be gone before its rows are: after a power failure the index would promise what is not there.
      MSB_CHECK(context_.database.make_durable());
      // What has lost its rows is finished even if the call has been stopped meanwhile.
      for (const Going& going : batch) MSB_CHECK(remove_files(going.files, finish_));
    }
    MSB_CHECK(remove_idle_locks());
    return swept_;
  }

 private:
  /// One image whose rows go, wholly or in part, and the files that only it and those before it use. References whose
  /// manifest is missing are together in one without an image.
  struct Going {
    uint32_t image = kNobody;
    bool manifest = false;
    std::vector<uint32_t> references;
    std::vector<size_t> files;  ///< positions of items
  };

  void sort_out() {
    std::unordered_map<uint32_t, size_t> position;
    const auto going = [&](uint32_t image) -> Going& {
      const auto [entry, added] = position.try_emplace(image, images_.size());
      if (added) images_.emplace_back().image = image;
      return images_[entry->second];
    };
    for (size_t i = 0; i < found_.items.size(); ++i) {
      const Item& item = found_.items[i];
      if (!verdicts_[i].remove) continue;
      if (item.kind == ItemKind::manifest) going(item.subject).manifest = true;
      if (item.kind != ItemKind::reference) continue;
      going(found_.references[item.subject].image).references.push_back(item.subject);
    }
    std::ranges::stable_sort(images_, {}, [&](const Going& image) { return last_use(image); });
    for (size_t i = 0; i < images_.size(); ++i) position[images_[i].image] = i;
    for (size_t i = 0; i < found_.items.size(); ++i) {
      const Item& item = found_.items[i];
      if (!verdicts_[i].remove || item.kind == ItemKind::reference || item.kind == ItemKind::manifest) continue;
      std::optional<size_t> last;
      for (const uint32_t image : item.images) {
        const auto at = position.find(image);
        if (at != position.end()) last = std::max(last.value_or(0), at->second);
      }
      (last ? images_[*last].files : orphans_).push_back(i);
    }
  }

  UnixNanos last_use(const Going& going) const {
    UnixNanos last = 0;
    for (const uint32_t r : going.references) last = std::max(last, found_.references[r].row.last_used_at.value_or(0));
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

  Done remove_rows(std::span<const Going> batch) {
    struct Outcome {
      std::vector<uint32_t> stayed;  // references
      uint32_t references = 0;
      uint32_t manifests = 0;
    };
    MSB_TRY(const Names leased, leased_names());
    MSB_TRY(const Outcome outcome, context_.database.write(call_, [&](Transaction& transaction) -> Result<Outcome> {
      Outcome result;
      MSB_TRY(const Users users, users_now(transaction));
      for (const Going& going : batch) {
        const Image* image = going.image != kNobody ? &found_.images[going.image] : nullptr;
        // They had none but references when they were judged, so any user is a new one.
        const bool used =
            image != nullptr && (users.doubt || leased.contains(image->name) || users.digests.contains(image->digest));
        for (const uint32_t index : going.references) {
          bool gone = false;
          if (!used) {
            MSB_TRY(gone, delete_as_judged(transaction, found_.references[index].row));
          }
          if (gone) {
            ++result.references;
          } else {
            result.stayed.push_back(index);
          }
        }
        if (!going.manifest || used) continue;
        MSB_TRY(const bool gone, delete_unnamed_manifest(transaction, image->row));
        result.manifests += gone ? 1 : 0;
      }
      return result;
    }));
    for (const uint32_t index : outcome.stayed) kept_keys_.insert(found_.references[index].key);
    swept_.references += outcome.references;
    swept_.manifests += outcome.manifests;
    return {};
  }

  struct Users {
    Names digests;  ///< manifests that sandboxes and indexed snapshots need
    bool doubt = false;
  };
  static Result<Users> users_now(Transaction& transaction) {
    Users users;
    MSB_TRY(const std::vector<index::SandboxRow> sandboxes, index::list_sandboxes(transaction));
    for (const index::SandboxRow& sandbox : sandboxes) {
      users.digests.insert(sandbox.manifest_digests.begin(), sandbox.manifest_digests.end());
      users.doubt = users.doubt || (!sandbox.readable && sandbox.manifest_digests.empty());
    }
    MSB_TRY(const std::vector<index::SnapshotRow> snapshots, index::list_snapshots(transaction));
    for (const index::SnapshotRow& snapshot : snapshots) users.digests.insert(snapshot.image_manifest_digest);
    return users;
  }

  /// A row that has been used, or has moved to another image since it was judged, stays.
  static Result<bool> delete_as_judged(Transaction& transaction, const index::ImageRow& judged) {
    MSB_TRY(const std::optional<index::ImageRow> now, index::find_image(transaction, judged.reference));
    if (!now || now->id != judged.id || now->manifest_id != judged.manifest_id ||
        now->last_used_at != judged.last_used_at) {
      return false;
    }
    return index::delete_reference(transaction, judged.reference);
  }

  Done remove_files(std::span<const size_t> items, const Call& call) {
    for (; !items.empty(); items = items.subspan(std::min(kAtOnce, items.size()))) {
      MSB_CHECK(call.check());
      MSB_CHECK(remove_some(items.first(std::min(kAtOnce, items.size())), call));
    }
    return {};
  }

  /// While the gate is closed nobody can begin to count on the items, and a lock of their writers is not waited for:
  /// its holder may be waiting for the gate.
  Done remove_some(std::span<const size_t> items, const Call& call) {
    MSB_TRY(const SweepGate gate, SweepGate::close(context_, call));
    MSB_TRY(const Names leased, leased_names());
    MSB_CHECK(delete_unused_layers(items, call));
    using Positions = std::vector<size_t>;
    MSB_TRY(const Positions unused, context_.database.read(call, [&](Transaction& transaction) -> Result<Positions> {
      Positions positions;
      for (const size_t i : items) {
        if (is_leased(found_.items[i], leased)) continue;
        MSB_TRY(const bool used, is_used(transaction, found_.items[i]));
        if (!used) positions.push_back(i);
      }
      return positions;
    }));
    for (const size_t i : unused) MSB_CHECK(remove_item(found_.items[i], verdicts_[i].orphan, call));
    return {};
  }

  bool is_leased(const Item& item, const Names& leased) const {
    const auto named = [&](const CacheFile& file) { return leased.contains(file.name); };
    const auto of_named = [&](uint32_t image) { return leased.contains(found_.images[image].name); };
    if (std::ranges::any_of(item.images, of_named)) return true;
    return item.kind != ItemKind::temporary && std::ranges::any_of(item.files, named);
  }

  /// Rows of layers that went with no manifest.
  Done delete_unused_layers(std::span<const size_t> items, const Call& call) {
    const auto has_row = [&](size_t i) { return found_.items[i].kind == ItemKind::layer && found_.items[i].row != 0; };
    if (std::ranges::none_of(items, has_row)) return {};
    return context_.database.write(call, [&](Transaction& transaction) -> Done {
      for (const size_t i : items) {
        if (has_row(i)) MSB_CHECK(delete_layer_if_unused(transaction, found_.items[i].row));
      }
      return {};
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

  /// Somebody may be writing one of its files: then it stays, for that matter.
  Done remove_item(const Item& item, bool orphan, const Call& call) {
    for (const CacheFile& file : item.files) {
      MSB_TRY(const bool gone, remove_file(file, orphan, call));
      if (!gone) return {};
    }
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
    return {};
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

  /// Lock files whose thing is not there: of loads that were killed, and of what has gone earlier.
  Done remove_idle_locks() const {
    MSB_TRY(const std::vector<std::string> locks, idle_locks(context_, now_ns() - kYoung, finish_));
    for (const std::string& path : locks) {
      auto lock = os::FileLock::try_acquire(context_.fs, path, os::LockMode::exclusive);
      if (!lock) {
        context_.log.warn("image", "a lock file stays: " + lock.error().message());
      } else if (lock->has_value()) {
        (*lock)->retire();
      }
    }
    return {};
  }

  const Context& context_;
  const Reachability& found_;
  const std::vector<Verdict>& verdicts_;
  const Call& call_;
  const Call finish_;  // goes on when call_ has been stopped
  std::vector<Going> images_;
  std::vector<size_t> orphans_;
  Names kept_keys_;  // of references that were to go, but stayed
  Swept swept_;
};

}  // namespace

Result<bool> delete_unnamed_manifest(Transaction& transaction, int64_t row) {
  MSB_TRY(const bool named, any(transaction, "SELECT 1 FROM image_ref WHERE manifest_id = ? LIMIT 1", {row}));
  if (named) return false;
  MSB_TRY(const std::vector<index::LayerRow> layers, index::layers_of(transaction, row));
  MSB_CHECK(index::delete_manifest(transaction, row));
  for (const index::LayerRow& layer : layers) MSB_CHECK(delete_layer_if_unused(transaction, layer.id));
  return true;
}

Result<Swept> sweep(const Context& context, const Reachability& found, const std::vector<Verdict>& verdicts,
                    const Call& call) {
  return Sweeper(context, found, verdicts, call).run();
}

}  // namespace msb::image
