#include "image/reachability.h"

#include <algorithm>
#include <cerrno>
#include <map>
#include <optional>
#include <tuple>

#include "digest/digest.h"
#include "image/artifacts.h"
#include "image/documents.h"
#include "image/lease.h"
#include "index/sandboxes.h"
#include "index/snapshots.h"
#include "oci/cache_record.h"
#include "oci/reference.h"
#include "os/dir.h"
#include "os/publish.h"

namespace msb::image {
namespace {

constexpr size_t kMaxVmdk = size_t{2} << 20;
constexpr char kWork[] = "work in flight";

/// File name of what a digest names; a text that is no digest is no file either, but still tells things apart.
std::string safe_name(const std::string& digest) {
  const auto parsed = Digest::parse(digest);
  return parsed ? parsed->safe_name() : "?" + digest;
}

/// The digest that a file name stands for, else the name.
std::string digest_of(const std::string& name) {
  std::string text = name;
  if (const size_t at = text.find('_'); at != std::string::npos) text[at] = ':';
  return Digest::parse(text) ? text : name;
}

void add_once(std::vector<uint32_t>& list, uint32_t value) {
  if (std::ranges::find(list, value) == list.end()) list.push_back(value);
}

void add_once(std::vector<std::string>& list, const std::string& value) {
  if (std::ranges::find(list, value) == list.end()) list.push_back(value);
}

/// What the index says, in one consistent state.
struct Catalogue {
  std::vector<index::ImageRow> references;
  std::vector<index::ManifestRow> manifests;
  std::vector<index::LayerRow> layers;
  std::vector<index::SandboxRow> sandboxes;
  std::vector<index::SnapshotRow> snapshots;
};

Result<Catalogue> read_catalogue(const Context& context, const Call& call) {
  return context.database.read(call, [](index::Transaction& transaction) -> Result<Catalogue> {
    Catalogue catalogue;
    MSB_TRY(catalogue.references, index::list_images(transaction));
    MSB_TRY(catalogue.manifests, index::list_manifests(transaction));
    MSB_TRY(catalogue.layers, index::list_layers(transaction));
    MSB_TRY(catalogue.sandboxes, index::list_sandboxes(transaction));
    MSB_TRY(catalogue.snapshots, index::list_snapshots(transaction));
    return catalogue;
  });
}

class Surveyor {
 public:
  Surveyor(const Context& context, const Call& call) : context_(context), call_(call) {}

  Result<Reachability> run() {
    found_.at = now_ns();
    // Originals are only kept on request. One that comes now is young.
    const auto blobs = os::open_dir(context_.fs, context_.paths.blobs());
    if (blobs) {
      MSB_TRY(const std::vector<os::DirEntry> entries, os::list_dir(*blobs));
      blobs_kept_ = !entries.empty();
    }
    MSB_TRY(const auto leases, live_leases(context_, call_));
    MSB_TRY(const std::vector<Artifact> artifacts, find_artifacts(context_, call_));
    for (const std::string& digest : leases) leased_.insert(safe_name(digest));
    {
      MSB_TRY(Catalogue catalogue, read_catalogue(context_, call_));
      add_images(catalogue);
      add_references(std::move(catalogue.references));
      add_users(catalogue, artifacts);
    }
    MSB_TRY(std::vector<CacheFile> files, list_cache(context_, call_));
    MSB_CHECK(add_documents(files));
    MSB_CHECK(add_unknown_images(files));
    MSB_CHECK(add_files(std::move(files)));
    for (Image& image : found_.images) {
      if (leased_.contains(image.name)) image.holders.emplace_back(kWork);
    }
    finish_items();
    return std::move(found_);
  }

 private:
  struct Layer {
    std::string diff_id;
    int64_t row = 0;
    std::vector<uint32_t> images;
  };

  uint32_t image_of(const std::string& digest) {
    std::string name = safe_name(digest);
    const auto [entry, added] = image_by_name_.try_emplace(name, static_cast<uint32_t>(found_.images.size()));
    if (added) {
      found_.images.push_back({digest, std::move(name), 0, {}, {}, {}});
      known_layers_.push_back(false);
    }
    return entry->second;
  }

  /// The image uses the layer, from whichever source.
  void tie_layer(uint32_t image, const std::string& layer_name) {
    add_once(layers_[layer_name].images, image);
    known_layers_[image] = true;
  }

  void tie_blob(uint32_t image, const std::string& digest) {
    if (blobs_kept_) add_once(blobs_[safe_name(digest)], image);
  }

  void add_images(const Catalogue& catalogue) {
    std::unordered_map<std::string, const index::LayerRow*> layer_rows;
    for (const index::LayerRow& row : catalogue.layers) {
      layer_rows.emplace(row.diff_id, &row);
      Layer& layer = layers_[safe_name(row.diff_id)];
      layer.diff_id = row.diff_id;
      layer.row = row.id;
    }
    for (const index::ManifestRow& row : catalogue.manifests) {
      const uint32_t image = image_of(row.digest);
      found_.images[image].row = row.id;
      image_by_row_.emplace(row.id, image);
      known_layers_[image] = true;  // also when it has none
      found_.images[image].diff_ids = row.diff_ids;
      for (const std::string& diff_id : row.diff_ids) {
        tie_layer(image, safe_name(diff_id));
        if (const auto layer = layer_rows.find(diff_id); layer != layer_rows.end()) {
          tie_blob(image, layer->second->blob_digest);
        }
      }
    }
  }

  void add_references(std::vector<index::ImageRow> rows) {
    for (index::ImageRow& row : rows) {
      const auto index = static_cast<uint32_t>(found_.references.size());
      Reference reference{std::move(row), {}, {}, kNobody};
      if (const auto parsed = oci::Reference::parse(reference.row.reference)) {
        reference.normalized = parsed->normalized();
        reference.key = parsed->cache_key();
        references_by_key_[reference.key].push_back(index);
      }
      const auto image = image_by_row_.find(reference.row.manifest_id.value_or(0));
      if (image != image_by_row_.end()) {
        reference.image = image->second;
        found_.images[reference.image].references.push_back(index);
      }
      found_.last_reference = std::max(found_.last_reference, reference.row.id);
      found_.references.push_back(std::move(reference));
    }
  }

  void hold(const std::string& digest, const std::string& holder) {
    add_once(found_.images[image_of(digest)].holders, holder);
  }

  void add_users(const Catalogue& catalogue, const std::vector<Artifact>& artifacts) {
    for (const index::SandboxRow& sandbox : catalogue.sandboxes) {
      const std::string holder = "sandbox " + sandbox.name;
      for (const std::string& digest : sandbox.manifest_digests) hold(digest, holder);
      // One that has booted says by its row what it needs.
      if (!sandbox.readable && sandbox.manifest_digests.empty()) found_.doubts.push_back(holder);
    }
    std::set<std::string, std::less<>> indexed;
    for (const index::SnapshotRow& row : catalogue.snapshots) indexed.insert(row.artifact_path);
    std::set<std::string, std::less<>> on_disk;
    for (const Artifact& artifact : artifacts) {
      const std::string holder = "snapshot " + artifact.name;
      if (!artifact.manifest_digest.empty()) {
        hold(artifact.manifest_digest, holder);
        on_disk.insert(artifact.path);
      } else if (!indexed.contains(artifact.path)) {
        found_.doubts.push_back(holder);
      }
    }
    // Rows of artifacts elsewhere, or of some that are out of sight for the moment, count as much.
    for (const index::SnapshotRow& row : catalogue.snapshots) {
      if (on_disk.contains(row.artifact_path)) continue;
      hold(row.image_manifest_digest, "snapshot " + row.name.value_or(row.digest));
    }
  }

  /// Ties every document to its image. Most are what the index says anyway, and are not parsed.
  Done add_documents(const std::vector<CacheFile>& files) {
    for (const CacheFile& file : files) {
      if (file.role != FileRole::metadata) continue;
      MSB_CHECK(call_.check());
      MSB_TRY(const auto text, read_document(context_, file.path, oci::kMaxCacheRecordBytes));
      if (!text) continue;  // it ties nothing
      const auto references = references_by_key_.find(file.name);
      if (references != references_by_key_.end() && !blobs_kept_) {
        const uint32_t image = found_.references[references->second.front()].image;
        if (image != kNobody && plainly_of(*text, found_.images[image].digest)) {
          image_by_document_.emplace(file.name, image);
          continue;
        }
      }
      const auto record = oci::CacheRecord::parse(*text);
      if (!record) continue;
      const uint32_t image = image_of(record->manifest_digest.text());
      image_by_document_.emplace(file.name, image);
      tie_document(image, *record);
      // A cache hit goes by the document, whatever the index says of its reference.
      if (references == references_by_key_.end()) continue;
      for (const uint32_t reference : references->second) add_once(found_.images[image].references, reference);
    }
    return {};
  }

  void tie_document(uint32_t image, const oci::CacheRecord& record) {
    const bool first = !known_layers_[image];
    known_layers_[image] = true;
    for (const oci::CacheRecord::Layer& layer : record.layers) {
      if (first) found_.images[image].diff_ids.push_back(layer.diff_id.text());
      tie_layer(image, layer.diff_id.safe_name());
      tie_blob(image, layer.digest.text());
    }
  }

  /// Images in use that neither the index nor a document knows any more.
  Done add_unknown_images(const std::vector<CacheFile>& files) {
    for (const CacheFile& file : files) {
      if (file.role != FileRole::vmdk) continue;
      const auto image = image_by_name_.find(file.name);
      if (image == image_by_name_.end() || known_layers_[image->second]) continue;
      MSB_CHECK(call_.check());
      MSB_TRY(const auto text, read_document(context_, file.path, kMaxVmdk));
      if (!text) continue;
      for (const std::string& layer : layers_of_vmdk(*text)) tie_layer(image->second, layer);
    }
    return {};
  }

  Done add_files(std::vector<CacheFile> files) {
    std::map<std::string, Item> layer_items;
    for (const auto& [name, layer] : layers_) {
      if (layer.row == 0) continue;
      Item& item = layer_items[name];
      item.name = layer.diff_id;
      item.row = layer.row;
      item.indexed = true;
      item.images = layer.images;
    }
    std::unordered_map<std::string, std::vector<uint32_t>> flat_users;  // by artifact
    for (CacheFile& file : files) {
      switch (file.role) {
        case FileRole::layer:
        case FileRole::recipe: {
          Item& item = layer_items[file.name];
          if (item.name.empty()) {
            item.name = digest_of(file.name);
            if (const auto layer = layers_.find(file.name); layer != layers_.end()) item.images = layer->second.images;
          }
          if (file.role == FileRole::layer) {
            item.files.insert(item.files.begin(), std::move(file));
          } else {
            item.files.push_back(std::move(file));
          }
          break;
        }
        case FileRole::fsmeta:
        case FileRole::vmdk: {
          const ItemKind kind = file.role == FileRole::fsmeta ? ItemKind::fsmeta : ItemKind::vmdk;
          auto images = by_name(file.name);
          add_item(kind, std::move(file), std::move(images));
          break;
        }
        case FileRole::metadata:
          add_document_item(std::move(file));
          break;
        case FileRole::blob: {
          const auto users = blobs_.find(file.name);
          add_item(ItemKind::blob, std::move(file), users != blobs_.end() ? users->second : std::vector<uint32_t>());
          break;
        }
        case FileRole::flat_record: {
          const std::vector<uint32_t> users = by_name(file.name);
          MSB_TRY(const auto text, read_document(context_, file.path, oci::kMaxCacheRecordBytes));
          if (text) {
            if (const auto record = parse_flat_record(*text)) {
              auto& artifact = flat_users[safe_name(record->artifact_digest)];
              for (const uint32_t user : users) add_once(artifact, user);
            }
          }
          add_item(ItemKind::flat, std::move(file), users);
          break;
        }
        case FileRole::flat_blob: {
          const auto users = flat_users.find(file.name);
          add_item(ItemKind::flat, std::move(file),
                   users != flat_users.end() ? users->second : std::vector<uint32_t>());
          break;
        }
        case FileRole::leftover: {
          MSB_TRY(const bool held, is_held(file.path));
          add_item(ItemKind::temporary, std::move(file), {}).leased = held;
          break;
        }
        case FileRole::temporary:
        case FileRole::set_aside:
        case FileRole::unknown:
          add_item(ItemKind::temporary, std::move(file), {});
          break;
      }
    }
    for (auto& [name, item] : layer_items) {
      item.kind = ItemKind::layer;
      item.leased = leased_.contains(name);
      found_.items.push_back(std::move(item));
    }
    return {};
  }

  std::vector<uint32_t> by_name(const std::string& image_name) const {
    const auto image = image_by_name_.find(image_name);
    if (image == image_by_name_.end()) return {};
    return {image->second};
  }

  Item& add_item(ItemKind kind, CacheFile file, std::vector<uint32_t> images) {
    Item& item = found_.items.emplace_back();
    item.kind = kind;
    item.name = kind == ItemKind::temporary ? file.name : digest_of(file.name);
    item.leased = kind != ItemKind::temporary && leased_.contains(file.name);
    item.images = std::move(images);
    item.files.push_back(std::move(file));
    return item;
  }

  void add_document_item(CacheFile file) {
    const auto image = image_by_document_.find(file.name);
    const auto references = references_by_key_.find(file.name);
    Item& item = add_item(ItemKind::metadata, std::move(file), {});
    if (image != image_by_document_.end()) item.images.push_back(image->second);
    item.indexed = references != references_by_key_.end();
  }

  /// A leftover whose maker lives is locked by it.
  Result<bool> is_held(const std::string& path) const {
    const auto file = os::File::open(context_.fs, AT_FDCWD, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    if (!file) return file.error().os_code() != ENOENT;
    MSB_TRY(const bool free, os::try_flock(*file, os::LockMode::shared));
    return !free;
  }

  void finish_items() {
    for (uint32_t i = 0; i < found_.references.size(); ++i) {
      Item& item = found_.items.emplace_back();
      item.kind = ItemKind::reference;
      item.name = found_.references[i].row.reference;
      item.indexed = true;
      item.subject = i;
      if (found_.references[i].image != kNobody) item.images.push_back(found_.references[i].image);
    }
    for (uint32_t i = 0; i < found_.images.size(); ++i) {
      if (found_.images[i].row == 0) continue;
      Item& item = found_.items.emplace_back();
      item.kind = ItemKind::manifest;
      item.name = found_.images[i].digest;
      item.indexed = true;
      item.subject = i;
      item.images.push_back(i);
    }
    for (Item& item : found_.items) {
      for (const CacheFile& file : item.files) item.size += file.size;
      if (item.kind == ItemKind::metadata) continue;  // known by its reference alone
      for (const uint32_t image : item.images) item.indexed = item.indexed || found_.images[image].row != 0;
    }
    std::ranges::sort(found_.items,
                      [](const Item& a, const Item& b) { return std::tie(a.kind, a.name) < std::tie(b.kind, b.name); });
  }

  const Context& context_;
  const Call& call_;
  Reachability found_;
  bool blobs_kept_ = false;
  std::set<std::string, std::less<>> leased_;  // safe names
  std::unordered_map<std::string, uint32_t> image_by_name_;
  std::unordered_map<int64_t, uint32_t> image_by_row_;
  std::unordered_map<std::string, uint32_t> image_by_document_;  // by key
  std::unordered_map<std::string, std::vector<uint32_t>> references_by_key_;
  std::unordered_map<std::string, Layer> layers_;                 // by safe name
  std::unordered_map<std::string, std::vector<uint32_t>> blobs_;  // images by safe name
  std::vector<bool> known_layers_;                                // for each image: where its layers are known from
};

/// Applies the rules to one selection of references.
class Judge {
 public:
  Judge(const Reachability& found, const Selection& selection)
      : found_(found), selection_(selection), documented_(found.images.size(), false) {
    if (!found.doubts.empty()) {
      doubt_ = "may be needed by " + found.doubts.front() + ", which does not say what it needs";
    }
    needed_.reserve(found.images.size());
    for (const Image& image : found.images) needed_.push_back(why_needed(image));
    for (uint32_t i = 0; i < found.references.size(); ++i) {
      const Reference& reference = found.references[i];
      if (!reference.key.empty() && !why_reference_stays(i).empty()) kept_keys_.insert(reference.key);
    }
    for (const Item& item : found.items) {
      if (item.kind != ItemKind::metadata || item.images.empty() || !key_kept(item)) continue;
      documented_[item.images.front()] = true;
    }
  }

  Verdict operator()(const Item& item) {
    if (std::string reason = why_kept(item); !reason.empty()) return stays(std::move(reason));
    const FileRole role = item.files.empty() ? FileRole::unknown : item.files.front().role;
    const bool temporary = item.kind == ItemKind::temporary;
    if (temporary && role == FileRole::unknown) return stays("not a file of the cache");
    if (role == FileRole::leftover) return item.leased ? stays(kWork) : goes("left by a process that ended");
    if (belongs_to_somebody(item)) return goes("unused");
    if (found_.at - item.size.modified < kYoung) return stays("younger than an hour");
    return {true, true, temporary ? "left by work that has ended" : "nothing refers to it"};
  }

 private:
  static Verdict stays(std::string reason) { return {false, false, std::move(reason)}; }
  static Verdict goes(std::string reason) { return {true, false, std::move(reason)}; }

  /// Why an image stays; empty when nothing keeps it.
  std::string why_needed(const Image& image) const {
    if (!image.holders.empty()) {
      const std::string& first = image.holders.front();
      return first == kWork ? first : "used by " + first;
    }
    if (!doubt_.empty()) return doubt_;
    for (const uint32_t reference : image.references) {
      if (reference == selection_.dropped || selection_.spared[reference].empty()) continue;
      return "used by reference " + found_.references[reference].row.reference;
    }
    if (!selection_.unnamed_images && image.row != 0 && image.references.empty()) return "in the index";
    return {};
  }

  std::string why_reference_stays(uint32_t index) const {
    if (index == selection_.dropped) return {};
    const Reference& reference = found_.references[index];
    if (reference.image != kNobody) {
      const bool held = !found_.images[reference.image].holders.empty() || !doubt_.empty();
      if (held) return needed_[reference.image];
    }
    return selection_.spared[index];
  }

  bool key_kept(const Item& document) const { return kept_keys_.contains(document.files.front().name); }

  /// A document stays with the references that lead to it. Of an image that has lost them but is still in use, one
  /// stays: it is how a sandbox or a snapshot finds the image by its digest.
  std::string why_document_stays(const Item& item) {
    if (key_kept(item)) return "used by its reference";
    if (item.images.empty()) return doubt_;
    const uint32_t image = item.images.front();
    const auto& holders = found_.images[image].holders;
    if (std::ranges::find(holders, kWork) != holders.end()) return kWork;
    if (documented_[image]) return {};
    documented_[image] = true;
    return needed_[image];
  }

  std::string why_kept(const Item& item) {
    if (item.kind == ItemKind::reference) return why_reference_stays(item.subject);
    if (item.kind == ItemKind::metadata) return why_document_stays(item);
    if (item.kind == ItemKind::temporary) return {};
    if (item.leased) return kWork;
    for (const uint32_t image : item.images) {
      if (!needed_[image].empty()) return needed_[image];
    }
    return item.kind == ItemKind::manifest ? std::string() : doubt_;
  }

  /// False for what may be the work of somebody whom neither the index nor a lease knows.
  bool belongs_to_somebody(const Item& item) const {
    if (item.indexed) return true;
    // The whole image goes, and its document with it.
    return item.kind == ItemKind::metadata && !item.images.empty() && found_.images[item.images.front()].row != 0 &&
           needed_[item.images.front()].empty();
  }

  const Reachability& found_;
  const Selection& selection_;
  std::string doubt_;
  std::vector<std::string> needed_;               // why, by image
  std::set<std::string, std::less<>> kept_keys_;  // of documents
  std::vector<bool> documented_;                  // images that keep a document
};

}  // namespace

uint32_t Reachability::find_reference(const std::string& text, const std::string& normalized) const {
  uint32_t same = kNobody;
  for (uint32_t i = 0; i < references.size(); ++i) {
    if (references[i].row.reference == text) return i;
    if (same == kNobody && !normalized.empty() && references[i].normalized == normalized) same = i;
  }
  return same;
}

std::vector<std::string> Reachability::pins(const Item& item) const {
  std::set<std::string> pins;
  if (item.leased) pins.insert(kWork);
  for (const uint32_t image : item.images) {
    pins.insert(images[image].holders.begin(), images[image].holders.end());
    if (item.kind == ItemKind::reference) continue;  // other spellings do not keep it
    for (const uint32_t reference : images[image].references) {
      pins.insert("reference " + references[reference].row.reference);
    }
  }
  return {pins.begin(), pins.end()};
}

Result<Reachability> survey(const Context& context, const Call& call) { return Surveyor(context, call).run(); }

std::vector<Verdict> judge(const Reachability& found, const Selection& selection) {
  Judge judge_item(found, selection);
  std::vector<Verdict> verdicts;
  verdicts.reserve(found.items.size());
  for (const Item& item : found.items) verdicts.push_back(judge_item(item));
  return verdicts;
}

}  // namespace msb::image
