#pragma once

#include <cstdint>
#include <vector>

#include "base/call.h"
#include "base/result.h"
#include "erofs/format.h"
#include "os/file.h"
#include "tree/tree.h"

namespace msb::erofs {

/// Cheap test of a layer or fsmeta file: superblock with its checksum, file size as the superblock says, the root
/// inode. Anything else is image_invalid.
Result<Superblock> check_file(const os::File& file);

/// Length in blocks of each layer that an fsmeta file refers to. image_invalid when it is not an fsmeta, or when its
/// layers do not follow it without a gap once all are joined to one disk.
Result<std::vector<uint32_t>> read_layer_blocks(const os::File& fsmeta);

/// Reads the tree of a layer file, ours or microsandbox's. Nothing in the file is believed: bounds, order, counts,
/// depth, names and links are checked, and image_invalid names the member at fault. The bodies of regular files lie in
/// the file at Inode::data_offset, Inode::size bytes in one piece.
///
/// A layer file does not tell a directory it only implies from one that is root's, 0755 and of time 0. Such a directory
/// is taken as implied: keeping what a lower layer says of it is right for both nearly always.
Result<tree::Tree> read_layer(const os::File& file, const Call& call);

}  // namespace msb::erofs
