#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "archive/inflate.h"
#include "archive/tar_entry.h"
#include "base/call.h"
#include "digest/digest.h"
#include "image/context.h"
#include "image/source_image.h"
#include "os/file.h"
#include "tree/tree.h"

namespace msb::image {

/// What vouches for a layer in the cache.
enum class Vouched {
  by_recipe,  ///< it is ours: the tar can be told from it, byte for byte
  by_itself,  ///< microsandbox made it; it says what its file can hold
  damaged,    ///< there is a recipe, but it is of no use
};

/// A layer that lies in the cache and was looked at: its file is whole as far as its checksum, bounds and recipe tell.
struct CachedLayer {
  os::File file;
  uint64_t size = 0;  ///< of the file
  tree::Tree tree;    ///< everything that is known of it; bodies lie in `file`
  Vouched vouched = Vouched::by_itself;
};

/// Looks a layer up; nothing when it is not there. One that is damaged is reported to the log and counts as not there.
Result<std::optional<CachedLayer>> open_layer(const Context& context, const Digest& diff_id, const Call& call);

/// What a layer file is made from.
struct LayerBlob {
  Digest diff_id;
  Digest digest;  ///< of the blob; empty where only its content says it
  std::shared_ptr<const BlobOrigin> origin;
};

struct MadeLayer {
  Digest blob;  ///< what the blob's digest is
  archive::Compression compression = archive::Compression::none;
  uint64_t size = 0;        ///< of the layer file
  tree::Tree tree;          ///< bodies lie in the layer file
  bool made = false;        ///< false when somebody else made the layer meanwhile; then nothing was read
  bool fresh = false;       ///< made, and there was no file of it before
  bool fresh_blob = false;  ///< likewise of the blob
};

struct MakeOptions {
  bool remake = false;     ///< although the layer is there
  bool keep_blob = false;  ///< also put a compressed blob itself into the cache
  archive::TarLimits limits = archive::layer_limits();
  /// What comes of a blob that will take longer than this stays after a failure: see DownloadPart. Absent: of none.
  std::optional<std::chrono::milliseconds> part_worth;
  /// Told how many bytes of the blob are here, and how many of them had not been here before.
  std::function<void(uint64_t done, uint64_t fetched)> on_read;
  std::function<void()> on_write;  ///< told when the layer file begins to be written
};

/// Makes the files of a layer, under its lock: reads the blob, whatever it is compressed with, checks both digests, and
/// publishes the recipe and then the layer file; a damaged one is replaced. Waits as long as it takes for another
/// process that makes the same layer. Receiving, inflating and hashing run beside taking the tar apart. Needs some 8
/// MiB besides the tree.
/// @retval Status::image_invalid  malformed, beyond the limits, or not what its digests say; fact `member`
Result<MadeLayer> make_layer(const Context& context, const LayerBlob& blob, const MakeOptions& options,
                             const Call& call);

/// Puts a blob into the cache whose layer is there already, once it is certain that it holds the layer. `tree` and
/// `size` stay empty.
Result<MadeLayer> keep_blob(const Context& context, const LayerBlob& blob, const MakeOptions& options,
                            const Call& call);

}  // namespace msb::image
