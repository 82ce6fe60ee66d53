#pragma once

#include <string>
#include <vector>

#include "base/call.h"
#include "image/context.h"

namespace msb::image {

/// A snapshot as its directory shows it (formats/snapshots.md §7, §8 and §14; the directory is the truth, the index
/// only a cache of it).
struct Artifact {
  std::string name;  ///< of its directory; `group/member` in homes of 0.7
  std::string path;
  std::string manifest_digest;  ///< the image it was made on; empty when its descriptor cannot be read
};

/// Every artifact in the snapshots directory, indexed or not, of all releases. A directory that is missing has none.
Result<std::vector<Artifact>> find_artifacts(const Context& context, const Call& call);

}  // namespace msb::image
