#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/call.h"
#include "image/context.h"
#include "image/item.h"

namespace msb::image {

struct DiskItem {
  ItemKind kind = ItemKind::temporary;
  bool reclaimable = false;  ///< a prune with default options would remove it
  std::string name;          ///< reference, digest or file name; of a snapshot or sandbox
  std::string path;          ///< empty for a row
  uint64_t allocated = 0;    ///< blocks on disk, as `du` counts
  uint64_t apparent = 0;
  uint32_t shared_by = 0;         ///< number of images that use it
  std::vector<std::string> pins;  ///< who keeps it: `reference …`, `sandbox …`, `snapshot …`, `work in flight`
};

struct DiskUsage {
  uint64_t images = 0;          ///< allocated by the image cache
  uint64_t snapshots = 0;       ///< by artifacts in the snapshots directory
  uint64_t sandboxes = 0;       ///< by writable disks of sandboxes
  uint64_t reclaimable = 0;     ///< what a prune with default options would free
  std::vector<DiskItem> items;  ///< by kind, then name
};

Result<DiskUsage> disk_usage(const Context& context, const Call& call);

}  // namespace msb::image
