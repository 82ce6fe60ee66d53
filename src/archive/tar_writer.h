#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "archive/tar_entry.h"
#include "base/call.h"
#include "base/stream.h"
#include "os/file.h"
#include "tree/tree.h"

namespace msb::archive {

/// Writes a tar that is a function of its members alone: GNU headers without owner names, with long names and binary
/// numbers where need be; members that GNU headers cannot hold (extended attributes, fractions of seconds, times before
/// 1970) have a PAX header. Our own rather than libarchive's, whose bytes change with its release and the locale,
/// because digests of images are made of them. One thread at a time.
class TarWriter {
 public:
  /// `out` must outlive the writer.
  explicit TarWriter(ByteSink& out) : out_(&out) {}

  /// A regular file of mode 0644, or a directory of mode 0755; owner and times are 0.
  Done add_file(std::string_view name, Bytes content);
  Done add_file(std::string_view name, ByteSource& content, uint64_t size, const Call& call);
  Done add_directory(std::string_view name);

  /// Begins any member; `entry.size` bytes of content must follow through write() when it is a regular file. Of the
  /// entry type, path, link, metadata, device, size and xattrs count; sparse files are written in full.
  Done begin(const TarEntry& entry);
  /// Begins a regular file of apparent size `entry.size` of which only the ranges in `entry.map` (offset, length, …, in
  /// order and apart) are stored: an old GNU sparse member. Their content must follow. The map has a pair that ends at
  /// the size, be it an empty one.
  Done begin_sparse(const TarEntry& entry);
  Done write(Bytes content);
  /// The same as so many bytes of zeros.
  Done zeros(uint64_t count);

  /// Two blocks of zeros.
  Done finish();

 private:
  Done put_extension(char type, std::string_view name, std::string_view data);
  Done pad();

  ByteSink* out_;
  uint64_t left_ = 0;  // of the member's content
  uint64_t padding_ = 0;
};

/// Writes the tar of a layer that has no recipe, from the tree of its layer file, in which the content is: in the order
/// and with the bytes of microsandbox's `save` (formats/images.md §10.4), so that both give the same diff ID.
Done write_layer_tar(const tree::Tree& tree, const os::File& layer_file, ByteSink& out, const Call& call);

}  // namespace msb::archive
