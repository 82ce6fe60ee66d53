#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/call.h"
#include "base/time.h"
#include "image/context.h"
#include "image/item.h"

namespace msb::image {

/// Which references a prune may take. All conditions must hold.
struct PruneOptions {
  std::vector<std::string> keep = {};  ///< references to spare, in any spelling
  UnixNanos unused_for = 0;            ///< only those last used at least this long ago; 0 for any
  /// Only images whose config has all of these labels; no value matches any.
  std::vector<std::pair<std::string, std::optional<std::string>>> labels = {};
  std::string reference_filter = {};  ///< only references that match, as fnmatch(3) does; empty for all
  uint64_t max_bytes = 0;             ///< stop once the cache allocates no more, least recently used first; 0: no bound
};

struct PlanItem {
  ItemKind kind = ItemKind::temporary;
  bool remove = false;
  std::string name;                            ///< reference, digest or file name
  std::string path;                            ///< empty for a row
  std::string reason;                          ///< why it goes or stays
  uint64_t bytes = 0;                          ///< allocated ones that its removal gives back; 0 for what stays
  std::optional<UnixNanos> last_used_at = {};  ///< of a reference: tells whether it is used again before it goes
};

/// What a prune is going to do: everything in the cache, sorted by kind and name. A value.
struct PrunePlan {
  std::string cache;  ///< the directory it is about
  std::vector<PlanItem> items;
};

struct PruneReport {
  uint32_t references = 0;
  uint32_t manifests = 0;
  uint32_t layers = 0;
  uint32_t fsmeta = 0;
  uint32_t vmdk = 0;
  std::optional<uint64_t> bytes;  ///< allocated ones given back; none when nothing was removed
};

/// Changes nothing. Fails with invalid_argument when a reference in `keep` is none.
Result<PrunePlan> plan_prune(const Context& context, const PruneOptions& options, const Call& call);
/// Removes nothing but what the plan says, and of that nothing that has come into use since. Stops between images when
/// the call does. Fails with invalid_argument when the plan is of another home.
Result<PruneReport> apply_prune(const Context& context, const PrunePlan& plan, const Call& call);
/// Both in one go.
Result<PruneReport> prune(const Context& context, const PruneOptions& options, const Call& call);

}  // namespace msb::image
