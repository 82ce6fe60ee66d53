#pragma once

#include <cstdint>

#include "archive/tar_entry.h"
#include "archive/tar_reader.h"
#include "base/call.h"
#include "base/stream.h"
#include "digest/digest.h"
#include "os/file.h"
#include "tree/tree.h"

namespace msb::archive {

/// Takes the content of a layer's files as the tar brings it.
class ContentSink {
 public:
  virtual ~ContentSink() = default;
  /// Content of `file` (entry.stored bytes, more than none) begins; sets where it is in the tree.
  virtual Done begin(tree::Tree& tree, tree::Id file, const TarEntry& entry) = 0;
  virtual Done write(Bytes bytes) = 0;
};

/// Reads the members of a tar into a tree, and what follows them.
Result<tree::Tree> read_layer(TarReader& reader, ContentSink& content, const TarLimits& limits = {});

class RecipeWriter;

struct IngestOptions {
  TarLimits limits;
  RecipeWriter* recipe = nullptr;  ///< is told what the spool and the tree do not hold
};

struct Layer {
  tree::Tree tree;         ///< data offsets count in the spool
  Digest diff_id;          ///< of the whole plain stream, with what follows the end marker
  uint64_t tar_size = 0;   ///< bytes of that stream
  uint64_t data_size = 0;  ///< bytes in the spool
};

/// Reads a layer from its plain tar: members into a tree, the content of files one after another to `spool`, each at a
/// multiple of 4096. Sparse files keep only their runs. Making the bytes, hashing them and reading the tar run on three
/// threads. Memory holds the tree and fixed buffers.
///
/// What must not be accepted fails with image_invalid and the fact `member`; a failure leaves the spool half-written.
Result<Layer> ingest_layer(ByteSource& tar, const os::File& spool, const Call& call, const IngestOptions& options = {});

}  // namespace msb::archive
