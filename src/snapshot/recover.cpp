#include "snapshot/recover.h"

#include "snapshot/indexing.h"
#include "snapshot/leftovers.h"
#include "snapshot/translate.h"

namespace msb::snapshot {

Result<uint32_t> recover(const Context& context, const Call& call) {
  MSB_TRY(const auto directories, working_directories(context, call));
  uint32_t repaired = 0;
  for (const std::string& directory : directories) {
    const auto swept = sweep_leftovers(context, directory, call);
    MSB_CHECK(call.check());
    if (swept) {
      repaired += *swept;
    } else {
      // A medium that is read-only or gone must not keep the rest from being tidied.
      context.log.warn("snapshot", "not tidied: " + swept.error().message());
    }
  }
  MSB_TRY(const uint32_t translated, translate(context, call));
  MSB_TRY(const Reindexed reindexed, reindex(context, std::nullopt, call));
  return repaired + translated + reindexed.added + reindexed.dropped;
}

}  // namespace msb::snapshot
