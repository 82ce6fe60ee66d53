#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/call.h"
#include "image/context.h"
#include "runtime/machine.h"

namespace msb::runtime {

struct ImageDisks {
  std::vector<Disk> disks;
  size_t layers = 0;
  /// Where layers share disks: for each layer in order, the serial number of its disk and its size in sectors. They
  /// follow each other there.
  std::vector<std::pair<std::string, uint64_t>> shared;
};

/// More layers than that share disks: each device costs time, and a bus is soon full.
inline constexpr size_t kMostOwnDisks = 16;
/// Linux counts the partitions of a disk up to 255.
inline constexpr size_t kMostOnOneDisk = 200;

/// The disks that make up an image, as the descriptor that joins them says: its merged metadata, then its layers. They
/// are in the cache, wherever that was when the descriptor was written.
/// @retval Status::image_not_found  one of them is missing; fact `path`
/// @retval Status::image_invalid    one of them is not what the descriptor says
Result<ImageDisks> image_disks(const image::Context& context, const std::string& manifest_digest);

}  // namespace msb::runtime
