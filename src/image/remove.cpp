#include "image/remove.h"

#include <algorithm>

#include "image/reachability.h"
#include "image/sweep.h"
#include "oci/reference.h"

namespace msb::image {
namespace {

using index::Statement;
using index::Transaction;

Error not_found(const std::string& reference) {
  return Error(Status::image_not_found, reference).with("reference", reference);
}

Error in_use(const std::string& reference, const std::vector<std::string>& sandboxes) {
  std::string names;
  for (const std::string& sandbox : sandboxes) names += (names.empty() ? "" : ", ") + sandbox;
  return Error(Status::image_in_use, names).with("reference", reference).with("sandboxes", names);
}

/// The rows, in one step. Returns the id of the manifest that the reference led to.
Result<int64_t> remove_rows(Transaction& transaction, const ReferenceRow& row, const Reachability& found, bool force) {
  int64_t manifest = 0;
  std::string digest;
  {
    MSB_TRY(Statement now, transaction.query("SELECT r.manifest_id, coalesce(m.digest, '') FROM image_ref r"
                                             " LEFT JOIN manifest m ON m.id = r.manifest_id"
                                             " WHERE r.id = ? AND r.reference = ?",
                                             {row.id, row.reference}));
    MSB_TRY(const bool there, now.step());
    if (!there) return not_found(row.reference);
    manifest = now.integer(0);
    digest = now.text(1);
  }
  bool last = false;
  {
    MSB_TRY(Statement others,
            transaction.query("SELECT 1 FROM image_ref WHERE manifest_id = ? AND id <> ? LIMIT 1", {manifest, row.id}));
    MSB_TRY(const bool kept, others.step());
    last = !kept;
  }
  std::vector<std::string> sandboxes;
  if (last && !digest.empty()) {
    MSB_TRY(sandboxes, sandboxes_using(transaction, manifest, digest));
    if (!sandboxes.empty() && !force) return in_use(row.reference, sandboxes);
  }
  MSB_CHECK(transaction.execute("DELETE FROM image_ref WHERE id = ?", {row.id}));

  const auto image = std::ranges::find(found.images, digest, &Image::digest);
  const bool held =
      !sandboxes.empty() || !found.doubts.empty() || (image != found.images.end() && !image->holders.empty());
  if (last && !held) {
    MSB_TRY(const bool gone, delete_unused_manifest(transaction, manifest, digest));
    static_cast<void>(gone);  // an indexed snapshot may have come to need it
  }
  return manifest;
}

}  // namespace

Done remove(const Context& context, const std::string& text, bool force, const Call& call) {
  auto parsed = oci::Reference::parse(text);
  MSB_TRY(const Reachability found, survey(context, call));
  const uint32_t index = found.find_reference(text, parsed ? parsed->normalized() : std::string());
  if (index == kNobody) return parsed ? not_found(text) : std::move(parsed).error();
  const Reference& reference = found.references[index];
  MSB_TRY(const int64_t manifest, context.database.write(call, [&](Transaction& transaction) -> Result<int64_t> {
    return remove_rows(transaction, reference.row, found, force);
  }));
  // Another process may have led the reference elsewhere since the survey; what it left behind is for a later sweep.
  if (manifest != reference.row.manifest_id) return {};

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
