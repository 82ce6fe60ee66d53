#pragma once

#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "tree/tree.h"

namespace msb::erofs {

inline constexpr size_t kXattrHeader = 12;

/// The mark of an opaque directory, alone.
std::span<const tree::Xattr> opaque_xattr();

/// Size of the area that follows an inode, a multiple of 4. Attributes whose prefix EROFS has no index for count
/// nothing and are not stored: no file system image could show them. Fails with image_invalid when the others do not
/// fit the format: names to 255 bytes, values to 65535, all of them to 256 KiB.
Result<size_t> xattr_area_size(std::span<const tree::Xattr> xattrs);
/// Appends the area.
void append_xattr_area(std::span<const tree::Xattr> xattrs, std::vector<std::byte>& out);
/// Reads an area; image_invalid when it is not one that we or microsandbox write.
Result<std::vector<tree::Xattr>> parse_xattr_area(Bytes area);

/// i_xattr_icount of an area, and the size an i_xattr_icount stands for.
uint16_t xattr_icount(size_t area_size);
size_t xattr_area_of_icount(uint16_t icount);

}  // namespace msb::erofs
