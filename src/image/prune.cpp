#include "image/prune.h"

#include <fnmatch.h>

#include <algorithm>
#include <set>
#include <tuple>
#include <unordered_map>

#include "image/documents.h"
#include "image/reachability.h"
#include "image/sweep.h"
#include "index/images.h"
#include "oci/cache_record.h"
#include "oci/reference.h"
#include "os/file.h"

namespace msb::image {
namespace {

/// Decides which references may go.
class Selector {
 public:
  Selector(const Context& context, const Reachability& found, const PruneOptions& options, const Call& call)
      : context_(context), found_(found), options_(options), call_(call) {}

  Result<Selection> run() {
    for (const std::string& text : options_.keep) {
      const bool stored = found_.find_reference(text, {}) != kNobody;
      auto parsed = oci::Reference::parse(text);
      if (!parsed && !stored) return std::move(parsed).error();
      kept_.insert(text);
      if (parsed) kept_.insert(parsed->normalized());
    }
    Selection selection;
    selection.spared.reserve(found_.references.size());
    for (const Reference& reference : found_.references) selection.spared.push_back(why_spared(reference));
    if (!options_.labels.empty()) {
      MSB_TRY(const std::vector<index::StringMap> labels, read_labels());
      for (size_t i = 0; i < labels.size(); ++i) {
        if (selection.spared[i].empty() && !has_labels(labels[i])) selection.spared[i] = "does not have the labels";
      }
    }
    if (options_.max_bytes != 0) hold_to_bound(selection);
    return selection;
  }

 private:
  std::string why_spared(const Reference& reference) const {
    if (kept_.contains(reference.row.reference) || kept_.contains(reference.normalized)) return "to be kept";
    if (options_.unused_for > 0) {
      if (!reference.row.last_used_at) return "its last use is not known";
      if (found_.at - *reference.row.last_used_at < options_.unused_for) return "used recently";
    }
    const std::string& pattern = options_.reference_filter;
    if (!pattern.empty() && fnmatch(pattern.c_str(), reference.row.reference.c_str(), 0) != 0) {
      return "does not match the filter";
    }
    return {};
  }

  bool has_labels(const index::StringMap& labels) const {
    return std::ranges::all_of(options_.labels, [&](const auto& wanted) {
      return std::ranges::any_of(labels, [&](const auto& label) {
        return label.first == wanted.first && (!wanted.second || label.second == *wanted.second);
      });
    });
  }

  /// Of every reference: from the index, else (releases before 0.6.9 do not store them there) from its document.
  Result<std::vector<index::StringMap>> read_labels() const {
    std::vector<index::StringMap> labels(found_.references.size());
    std::vector<size_t> missing;
    MSB_CHECK(context_.database.read(call_, [&](index::Transaction& transaction) -> Done {
      missing.clear();
      for (size_t i = 0; i < labels.size(); ++i) {
        const auto manifest = found_.references[i].row.manifest_id;
        if (!manifest) continue;
        MSB_TRY(auto config, index::find_config(transaction, *manifest));
        if (config && config->labels) {
          labels[i] = *std::move(config->labels);
        } else {
          missing.push_back(i);
        }
      }
      return {};
    }));
    for (const size_t i : missing) {
      MSB_CHECK(call_.check());
      const std::string path = context_.paths.metadata(found_.references[i].key);
      MSB_TRY(const auto text, read_document(context_, path, oci::kMaxCacheRecordBytes));
      if (!text) continue;
      if (auto record = oci::CacheRecord::parse(*text)) labels[i] = std::move(record->config.labels);
    }
    return labels;
  }

  /// Spares, most recently used first, what need not go for the cache to be within its bound.
  void hold_to_bound(Selection& selection) const {
    Selection everything = selection;
    everything.spared.assign(found_.references.size(), "in the index");
    const std::vector<Verdict> orphans = judge(found_, everything);
    uint64_t allocated = 0;
    std::vector<uint32_t> users(found_.items.size(), 0);
    std::vector<std::vector<uint32_t>> items_of(found_.images.size());
    for (uint32_t i = 0; i < found_.items.size(); ++i) {
      const Item& item = found_.items[i];
      if (orphans[i].remove) continue;
      allocated += item.size.allocated;
      for (const uint32_t image : item.images) {
        ++users[i];
        items_of[image].push_back(i);
      }
    }

    // Only images that go entirely give anything back.
    std::vector<uint32_t> going;
    std::vector<UnixNanos> last_use(found_.images.size(), 0);
    for (uint32_t image = 0; image < found_.images.size(); ++image) {
      const Image& candidate = found_.images[image];
      bool whole = !candidate.references.empty() && candidate.holders.empty() && found_.doubts.empty();
      for (const uint32_t reference : candidate.references) {
        whole = whole && selection.spared[reference].empty();
        last_use[image] = std::max(last_use[image], found_.references[reference].row.last_used_at.value_or(0));
      }
      if (whole) going.push_back(image);
    }
    std::ranges::sort(going, [&](uint32_t a, uint32_t b) {
      return std::tie(last_use[a], found_.images[a].digest) < std::tie(last_use[b], found_.images[b].digest);
    });
    std::vector<bool> taken(found_.references.size(), false);
    for (const uint32_t image : going) {
      if (allocated <= options_.max_bytes) break;
      for (const uint32_t reference : found_.images[image].references) taken[reference] = true;
      for (const uint32_t i : items_of[image]) {
        const Item& item = found_.items[i];
        if (--users[i] == 0 && !item.leased) allocated -= std::min(allocated, item.size.freed);
      }
    }
    for (size_t i = 0; i < selection.spared.size(); ++i) {
      if (selection.spared[i].empty() && !taken[i]) selection.spared[i] = "the cache is small enough without it";
    }
  }

  const Context& context_;
  const Reachability& found_;
  const PruneOptions& options_;
  const Call& call_;
  std::set<std::string, std::less<>> kept_;  // as given, and in full
};

PruneReport report_of(const Swept& swept) {
  PruneReport report{swept.references, swept.manifests, swept.layers, swept.fsmeta, swept.vmdk, std::nullopt};
  if (swept.total() != 0) report.bytes = swept.bytes;
  return report;
}

/// Tells an item of a plan from all others.
std::string identity(ItemKind kind, const std::string& name, const std::string& path) {
  std::string text = std::to_string(static_cast<uint32_t>(kind));
  text.append(1, '\0').append(name).append(1, '\0').append(path);
  return text;
}

}  // namespace

Result<PrunePlan> plan_prune(const Context& context, const PruneOptions& options, const Call& call) {
  MSB_TRY(Reachability found, survey(context, call));
  MSB_TRY(const Selection selection, Selector(context, found, options, call).run());
  std::vector<Verdict> verdicts = judge(found, selection);
  PrunePlan plan{context.paths.root(), {}};
  plan.items.reserve(found.items.size());
  for (size_t i = 0; i < found.items.size(); ++i) {
    Item& item = found.items[i];
    PlanItem& planned = plan.items.emplace_back();
    planned.kind = item.kind;
    planned.remove = verdicts[i].remove;
    planned.path = item.path();
    item.files.clear();
    planned.reason = std::move(verdicts[i].reason);
    planned.bytes = planned.remove ? item.size.freed : 0;
    planned.name = std::move(item.name);
    if (item.kind == ItemKind::reference) planned.last_used_at = found.references[item.subject].row.last_used_at;
  }
  return plan;
}

Result<PruneReport> apply_prune(const Context& context, const PrunePlan& plan, const Call& call) {
  if (plan.cache != context.paths.root()) {
    return Error(Status::invalid_argument, "the plan is of another cache: " + plan.cache).with("path", plan.cache);
  }
  std::unordered_map<std::string, const PlanItem*> going;
  for (const PlanItem& item : plan.items) {
    if (item.remove) going.emplace(identity(item.kind, item.name, item.path), &item);
  }
  // The engine judges again, with everything spared that the plan does not name or that was used since.
  MSB_TRY(const Reachability found, survey(context, call));
  Selection selection;
  for (const Reference& reference : found.references) {
    const auto planned = going.find(identity(ItemKind::reference, reference.row.reference, {}));
    const bool goes = planned != going.end() && planned->second->last_used_at == reference.row.last_used_at;
    selection.spared.emplace_back(goes ? "" : "not in the plan");
  }
  std::vector<Verdict> verdicts = judge(found, selection);
  for (size_t i = 0; i < verdicts.size(); ++i) {
    const Item& item = found.items[i];
    if (!going.contains(identity(item.kind, item.name, item.path()))) verdicts[i].remove = false;
  }
  MSB_TRY(const Swept swept, sweep(context, found, verdicts, call));
  return report_of(swept);
}

Result<PruneReport> prune(const Context& context, const PruneOptions& options, const Call& call) {
  MSB_TRY(const Reachability found, survey(context, call));
  MSB_TRY(const Selection selection, Selector(context, found, options, call).run());
  MSB_TRY(const Swept swept, sweep(context, found, judge(found, selection), call));
  return report_of(swept);
}

}  // namespace msb::image
