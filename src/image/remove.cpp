#include "image/remove.h"

#include <algorithm>

#include "image/query.h"
#include "image/reachability.h"
#include "image/sweep.h"
#include "index/images.h"
#include "index/sandboxes.h"
#include "index/snapshots.h"
#include "oci/reference.h"

namespace msb::image {
namespace {

using index::Transaction;

Error not_found(const std::string& reference) {
  return Error(Status::image_not_found, reference).with("reference", reference);
}

Error in_use(const std::string& reference, const std::vector<std::string>& sandboxes) {
  std::string names;
  for (const std::string& sandbox : sandboxes) names += (names.empty() ? "" : ", ") + sandbox;
  return Error(Status::image_in_use, names).with("reference", reference).with("sandboxes", names);
}

/// Names of the sandboxes that need the manifest, sorted.
Result<std::vector<std::string>> sandboxes_using(Transaction& transaction, const std::string& digest) {
  MSB_TRY(const std::vector<index::SandboxRow> sandboxes, index::list_sandboxes(transaction));
  std::vector<std::string> names;
  for (const index::SandboxRow& sandbox : sandboxes) {
    const auto& digests = sandbox.manifest_digests;
    if (std::ranges::find(digests, digest) != digests.end()) names.push_back(sandbox.name);
  }
  return names;
}

Result<bool> indexed_snapshot_uses(Transaction& transaction, const std::string& digest) {
  MSB_TRY(const std::vector<index::SnapshotRow> snapshots, index::list_snapshots(transaction));
  return std::ranges::find(snapshots, digest, &index::SnapshotRow::image_manifest_digest) != snapshots.end();
}

Result<bool> has_other_reference(Transaction& transaction, const index::ImageRow& reference) {
  MSB_TRY(index::Statement other, transaction.query("SELECT 1 FROM image_ref WHERE manifest_id = ? AND id <> ? LIMIT 1",
                                                    {reference.manifest_id, reference.id}));
  return other.step();
}

/// The rows, in one step. False when the reference leads elsewhere by now; then it is gone, but its image is not
/// judged.
Result<bool> remove_rows(Transaction& transaction, const Reference& reference, const Reachability& found, bool force) {
  const std::string& text = reference.row.reference;
  MSB_TRY(const std::optional<index::ImageRow> now, index::find_image(transaction, text));
  if (!now) return not_found(text);
  std::vector<std::string> sandboxes;
  if (now->manifest_digest) {
    MSB_TRY(sandboxes, sandboxes_using(transaction, *now->manifest_digest));
  }
  MSB_TRY(const bool another, has_other_reference(transaction, *now));
  if (!sandboxes.empty() && !another && !force) return in_use(text, sandboxes);
  MSB_TRY(const bool gone, index::delete_reference(transaction, text));
  if (!gone || now->manifest_id != reference.row.manifest_id || reference.image == kNobody) return false;

  MSB_TRY(const bool snapshot, indexed_snapshot_uses(transaction, *now->manifest_digest));
  const bool held =
      !sandboxes.empty() || snapshot || !found.images[reference.image].holders.empty() || !found.doubts.empty();
  if (held || another) return true;
  return delete_unnamed_manifest(transaction, *now->manifest_id);
}

/// The reference of the image that a digest leads to; kNobody when there is none.
Result<uint32_t> find_by_digest(const Reachability& found, const std::string& text) {
  uint32_t only = kNobody;
  for (uint32_t i = 0; i < found.references.size(); ++i) {
    if (!leads_by_digest(text, found.references[i].row)) continue;
    if (only != kNobody) {
      return Error(Status::invalid_argument, text + " has several names, " + found.references[only].row.reference +
                                                 " and " + found.references[i].row.reference +
                                                 " among them; remove it by each of them")
          .with("reference", text);
    }
    only = i;
  }
  return only;
}

}  // namespace

Done remove(const Context& context, const std::string& text, bool force, const Call& call) {
  auto parsed = oci::Reference::parse(text);
  MSB_TRY(const Reachability found, survey(context, call));
  uint32_t index = found.find_reference(text, parsed ? parsed->normalized() : std::string());
  if (index == kNobody) {
    MSB_TRY(index, find_by_digest(found, text));
  }
  if (index == kNobody) return parsed ? not_found(text) : std::move(parsed).error();
  const Reference& reference = found.references[index];
  MSB_TRY(const bool as_judged, context.database.write(call, [&](Transaction& transaction) {
    return remove_rows(transaction, reference, found, force);
  }));
  // Another process has led the reference elsewhere since the survey; what it left behind is for a later sweep.
  if (!as_judged) return {};

  Selection selection;
  selection.spared.assign(found.references.size(), "in the index");
  selection.dropped = index;
  std::vector<Verdict> verdicts = judge(found, selection);
  for (size_t i = 0; i < verdicts.size(); ++i) {
    const Item& item = found.items[i];
    const bool its_own = std::ranges::find(item.images, reference.image) != item.images.end() ||
                         (item.kind == ItemKind::metadata && item.files.front().name == reference.key);
    const bool row = item.kind == ItemKind::reference || item.kind == ItemKind::manifest;
    if (!its_own || row) verdicts[i].remove = false;
  }
  MSB_TRY(const Swept swept, sweep(context, found, verdicts, call));
  static_cast<void>(swept);
  return {};
}

}  // namespace msb::image
