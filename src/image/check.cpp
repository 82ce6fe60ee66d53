#include "image/check.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <map>
#include <set>
#include <tuple>

#include "image/image_examination.h"
#include "image/layer_examination.h"
#include "image/reachability.h"
#include "image/sweep.h"
#include "oci/cache_record.h"
#include "os/lock.h"
#include "os/publish.h"
#include "os/workers.h"

namespace msb::image {
namespace {

constexpr mode_t kDocumentMode = 0644;
constexpr char kLoadAgain[] = "; load or pull the image again";

class Checker {
 public:
  Checker(const Context& context, const CheckOptions& options, const Call& call)
      : context_(context), options_(options), call_(call) {}

  Result<std::vector<Problem>> run() {
    MSB_TRY(found_, survey(context_, call_));
    MSB_CHECK(check_layers());
    MSB_CHECK(check_images());
    MSB_CHECK(check_documents());
    MSB_CHECK(check_orphans());
    return std::move(problems_);
  }

 private:
  Problem& report(ProblemKind kind, std::string subject, std::string path, std::string message) {
    return problems_.emplace_back(Problem{kind, false, std::move(subject), std::move(path), std::move(message)});
  }

  /// An image that somebody counts on, and that nobody is at work on.
  bool counts(const Image& image) const {
    const bool in_flight = std::ranges::find(image.holders, "work in flight") != image.holders.end();
    return !in_flight && (image.row != 0 || !image.holders.empty() || !image.references.empty());
  }

  /// Those who count on an image, for people: its references, else its users, else its digest.
  std::string name_of(const Image& image) const {
    if (!image.references.empty()) return found_.references[image.references.front()].row.reference;
    return image.holders.empty() ? image.digest : image.digest + " of " + image.holders.front();
  }

  std::string names_of(const std::vector<uint32_t>& images) const {
    constexpr size_t kShown = 3;
    std::string names;
    for (size_t i = 0; i < std::min(images.size(), kShown); ++i) {
      names += (i == 0 ? "" : ", ") + name_of(found_.images[images[i]]);
    }
    if (images.size() > kShown) names += " and " + std::to_string(images.size() - kShown) + " more";
    return names;
  }

  /// A layer that images of the index or of somebody count on.
  struct Candidate {
    const Item* item;
    Digest diff_id;
    LayerFinding finding;
  };

  Done check_layers() {
    std::vector<Candidate> layers;
    uint64_t total = 0;
    for (const Item& item : found_.items) {
      if (item.kind != ItemKind::layer || item.leased) continue;
      const bool wanted = std::ranges::any_of(item.images, [&](uint32_t i) { return counts(found_.images[i]); });
      auto diff_id = Digest::parse(item.name);
      if (!wanted || !diff_id) continue;
      total += options_.deep ? item.size.apparent : 1;
      layers.push_back({&item, std::move(*diff_id), {}});
    }
    std::atomic<uint64_t> done{0};
    const auto examine = [&](size_t i, const Call& part) -> Done {
      MSB_TRY(layers[i].finding, examine_layer(context_, layers[i].diff_id, options_.deep, part));
      Progress progress;
      progress.phase = Phase::verifying;
      progress.item = layers[i].diff_id.text();
      progress.index = static_cast<uint32_t>(i);
      progress.count = static_cast<uint32_t>(layers.size());
      progress.done = done += options_.deep ? layers[i].item->size.apparent : 1;
      progress.total = total;
      progress.total_known = true;
      part.report(progress);
      return {};
    };
    MSB_CHECK(os::parallel_for_each(layers.size(), context_.threads, call_, examine));
    for (Candidate& layer : layers) {
      MSB_CHECK(report_layer(layer));
      if (layer.finding.usable()) blocks_.emplace(layer.diff_id, layer.finding.blocks);
    }
    return {};
  }

  Done report_layer(const Candidate& layer) {
    const LayerFinding& finding = layer.finding;
    const std::string name = layer.diff_id.safe_name();
    const std::string users = names_of(layer.item->images);
    if (finding.missing) {
      report(ProblemKind::layer_missing, layer.diff_id.text(), context_.paths.layer(name),
             "a layer of " + users + " is not in the cache" + kLoadAgain);
    }
    if (!finding.damage.empty()) {
      Problem& problem = report(ProblemKind::layer_corrupt, layer.diff_id.text(), context_.paths.layer(name),
                                "a layer of " + users + " is damaged (" + finding.damage + ")" + kLoadAgain);
      if (options_.repair) {
        MSB_TRY(problem.repaired, set_layer_aside(context_, layer.diff_id, finding, call_));
      }
    }
    if (!finding.recipe_damage.empty()) {
      report(ProblemKind::recipe_invalid, layer.diff_id.text(), context_.paths.recipe(name),
             "the recipe of a layer of " + users + " is damaged (" + finding.recipe_damage +
                 "); the layer may be good, but cannot be proved or saved with its digest" + kLoadAgain);
    }
    return {};
  }

  Done check_images() {
    for (const Image& image : found_.images) {
      MSB_CHECK(call_.check());
      auto digest = Digest::parse(image.digest);
      if (!counts(image) || !digest) continue;
      const bool known = image.row != 0 || !image.diff_ids.empty() || !image.references.empty();
      if (!known) {
        report(ProblemKind::metadata_invalid, image.digest, {},
               image.holders.front() + " needs an image that is not in the cache; pull it again by its digest");
        continue;
      }
      MSB_CHECK(check_image(image, *digest));
    }
    return {};
  }

  Done check_image(const Image& image, const Digest& digest) {
    std::vector<PlacedLayer> layers;
    std::vector<Digest> diff_ids;
    for (const std::string& text : image.diff_ids) {
      const auto diff_id = Digest::parse(text);
      const auto blocks = diff_id ? blocks_.find(*diff_id) : blocks_.end();
      if (blocks == blocks_.end()) return {};  // it is in no state to be used or rebuilt, and its layer was reported
      layers.push_back({*diff_id, blocks->second});
      diff_ids.push_back(*diff_id);
    }
    MSB_TRY(const std::optional<std::string> fsmeta, examine_fsmeta(context_, digest, layers));
    MSB_TRY(const std::optional<std::string> vmdk, examine_vmdk(context_, digest, layers));
    if (!fsmeta && !vmdk) return {};
    bool repaired = false;
    if (options_.repair) {
      auto rebuilt = rebuild_image(context_, digest, diff_ids, call_);
      if (!rebuilt && rebuilt.error().status() != Status::image_invalid) return rebuilt;
      repaired = rebuilt.ok();
    }
    const std::string name = digest.safe_name();
    const std::string cure = "; check with repair rebuilds it from the layers";
    if (fsmeta) {
      report(ProblemKind::fsmeta_invalid, digest.text(), context_.paths.fsmeta(name),
             "the fsmeta of " + name_of(image) + " is of no use: " + *fsmeta + cure)
          .repaired = repaired;
    }
    if (vmdk) {
      report(ProblemKind::vmdk_invalid, digest.text(), context_.paths.vmdk(name),
             "the VMDK of " + name_of(image) + " is of no use: " + *vmdk + cure)
          .repaired = repaired;
    }
    return {};
  }

  /// Each reference has a document that says what the index says of it.
  Done check_documents() {
    std::map<std::string, std::string> texts;  // of good documents, by manifest
    std::vector<std::pair<uint32_t, std::string>> bad;
    std::set<std::string> seen;
    for (uint32_t i = 0; i < found_.references.size(); ++i) {
      MSB_CHECK(call_.check());
      const Reference& reference = found_.references[i];
      if (reference.image == kNobody) {
        report(ProblemKind::metadata_invalid, reference.row.reference, {},
               "the image of " + reference.row.reference + " is not in the index; remove the reference");
        continue;
      }
      const Image& image = found_.images[reference.image];
      if (reference.key.empty() || !counts(image) || !seen.insert(reference.key).second) continue;
      auto text =
          os::read_small(context_.fs, AT_FDCWD, context_.paths.metadata(reference.key), oci::kMaxCacheRecordBytes);
      // One that the disk cannot give back is damaged; who has no descriptors left knows nothing.
      const bool judged = text || text.error().os_code() == 0 || text.error().os_code() == ENOENT ||
                          text.error().os_code() == EIO || text.error().os_code() == ELOOP;
      if (!judged) return std::move(text).error();
      auto record = text ? oci::CacheRecord::parse(*text) : Result<oci::CacheRecord>(std::move(text).error());
      if (!record) {
        bad.emplace_back(
            i, record.error().os_code() == ENOENT ? "is missing" : "is of no use: " + record.error().message());
      } else if (record->manifest_digest.text() != image.digest) {
        bad.emplace_back(i, "is of another image: " + record->manifest_digest.text());
      } else {
        texts.emplace(image.digest, *std::move(text));
      }
    }
    for (const auto& [index, what] : bad) {
      const Reference& reference = found_.references[index];
      Problem& problem =
          report(ProblemKind::metadata_invalid, reference.row.reference, context_.paths.metadata(reference.key),
                 "the document of " + reference.row.reference + " " + what + kLoadAgain);
      const auto good = texts.find(found_.images[reference.image].digest);
      if (!options_.repair || good == texts.end()) continue;
      MSB_CHECK(copy_document(good->second, reference.key));
      problem.repaired = true;
    }
    return {};
  }

  /// microsandbox removes documents that other references of the image still need; they all say the same.
  Done copy_document(const std::string& text, const std::string& key) {
    MSB_TRY(const os::FileLock lock, os::FileLock::acquire(context_.fs, context_.paths.metadata_lock(key),
                                                           os::LockMode::exclusive, call_, context_.busy_timeout));
    MSB_TRY(os::StagedFile file, os::StagedFile::create(context_.fs, context_.paths.manifests(), kDocumentMode));
    MSB_CHECK(file.file().write_at(as_bytes(text), 0));
    return file.publish(context_.paths.metadata(key), os::Existing::replace);
  }

  using Identity = std::tuple<ItemKind, std::string, std::string>;
  static Identity identity(const Item& item) { return {item.kind, item.name, item.path()}; }

  static std::vector<Verdict> judge_orphans(const Reachability& found) {
    Selection selection;
    selection.spared.assign(found.references.size(), "in the index");
    std::vector<Verdict> verdicts = judge(found, selection);
    for (size_t i = 0; i < verdicts.size(); ++i) {
      const Item& item = found.items[i];
      const bool set_aside = !item.files.empty() && item.files.front().role == FileRole::set_aside;
      if (item.kind == ItemKind::reference || set_aside) verdicts[i].remove = false;
    }
    return verdicts;
  }

  Done check_orphans() {
    const std::vector<Verdict> verdicts = judge_orphans(found_);
    std::set<Identity> left;
    const bool any = std::ranges::any_of(verdicts, &Verdict::remove);
    if (any && options_.repair) {
      MSB_TRY(const Swept swept, sweep(context_, found_, verdicts, call_));
      static_cast<void>(swept);
      MSB_TRY(const Reachability after, survey(context_, call_));
      for (const Item& item : after.items) left.insert(identity(item));
    }
    for (size_t i = 0; i < verdicts.size(); ++i) {
      const Item& item = found_.items[i];
      if (!verdicts[i].remove) continue;
      const bool leftover = item.kind == ItemKind::temporary;
      Problem& problem =
          report(leftover ? ProblemKind::leftover : ProblemKind::orphan, item.name, item.path(),
                 (leftover ? "remains of work that has ended: " : "nothing needs it: ") +
                     (item.path().empty() ? item.name : item.path()) + "; prune or check with repair removes it");
      problem.repaired = options_.repair && !left.contains(identity(item));
    }
    return {};
  }

  const Context& context_;
  const CheckOptions& options_;
  const Call& call_;
  Reachability found_;
  std::map<Digest, uint64_t> blocks_;  // of layers that can be used
  std::vector<Problem> problems_;
};

}  // namespace

Result<std::vector<Problem>> check(const Context& context, const CheckOptions& options, const Call& call) {
  return Checker(context, options, call).run();
}

}  // namespace msb::image
