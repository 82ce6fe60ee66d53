#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace msb::erofs {

/// A file that is part of a joined disk, from its beginning.
struct Extent {
  std::string path;      ///< absolute, or relative to the folder of the descriptor
  uint64_t sectors = 0;  ///< of 512 bytes

  bool operator==(const Extent&) const = default;
};

/// The descriptor that joins files to one disk (formats/images.md §7): the fsmeta first, then each layer in order. One
/// line for a file whatever its size. Fails with invalid_argument for paths that the format cannot hold.
Result<std::string> format_vmdk(std::span<const Extent> extents);

/// Reads a descriptor, ours or microsandbox's, which has several lines for a file of more than 2 GiB; they come back as
/// one extent. Strict: anything that a descriptor of an image does not need is image_invalid. The paths are as good as
/// their author: compare them with what the image is made of before anything opens them.
Result<std::vector<Extent>> parse_vmdk(std::string_view text);

}  // namespace msb::erofs
