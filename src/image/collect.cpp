#include "image/collect.h"

#include "image/reachability.h"
#include "image/sweep.h"

namespace msb::image {
namespace {

Selection everything_indexed(const Reachability& found) {
  Selection selection;
  selection.spared.assign(found.references.size(), "in the index");
  return selection;
}

}  // namespace

Result<uint32_t> gc_layers(const Context& context, const Call& call) {
  MSB_TRY(const Reachability found, survey(context, call));
  Selection selection = everything_indexed(found);
  selection.unnamed_images = false;
  std::vector<Verdict> verdicts = judge(found, selection);
  for (size_t i = 0; i < verdicts.size(); ++i) {
    if (found.items[i].kind != ItemKind::layer) verdicts[i].remove = false;
  }
  MSB_TRY(const Swept swept, sweep(context, found, verdicts, call));
  return swept.layers;
}

Result<uint32_t> gc(const Context& context, const Call& call) {
  MSB_TRY(const Reachability found, survey(context, call));
  std::vector<Verdict> verdicts = judge(found, everything_indexed(found));
  for (size_t i = 0; i < verdicts.size(); ++i) {
    if (found.items[i].kind == ItemKind::reference) verdicts[i].remove = false;
  }
  MSB_TRY(const Swept swept, sweep(context, found, verdicts, call));
  return swept.total();
}

}  // namespace msb::image
