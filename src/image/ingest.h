#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "archive/inflate.h"
#include "base/call.h"
#include "image/assemble.h"
#include "image/context.h"
#include "image/layer_store.h"
#include "image/lease.h"
#include "image/new_files.h"
#include "image/register.h"
#include "image/source_image.h"
#include "index/images.h"
#include "tree/tree.h"

namespace msb::image {

/// What is kept of a layer besides what a sandbox needs.
enum class Keep {
  recipe,  ///< the record from which its tar can be told
  blobs,   ///< the compressed layer too
};

struct IngestOptions {
  Keep keep = Keep::recipe;
  bool remake = false;         ///< make layers anew that are there
  bool remote = false;         ///< blobs come over a network: their reading is Phase::downloading, by their digests
  bool keep_finished = false;  ///< after a failure, layers stay that were finished: the next attempt needs them
  std::chrono::milliseconds part_worth{10'000};  ///< see MakeOptions; of remote blobs
  unsigned threads = 1;
  archive::TarLimits limits = archive::layer_limits();
};

struct Ingested {
  std::vector<index::ImageRow> rows;  ///< one for each spelling
  uint32_t layers_made = 0;
  uint32_t layers_present = 0;  ///< that were there already
  uint64_t bytes_read = 0;      ///< of blobs
};

/// The one way into the cache: images whose documents have been read become layers, fsmeta, VMDK and rows. Each layer
/// is made once, whatever number of images has it; one that is there is not read.
class Ingest {
 public:
  /// All outlive the object.
  Ingest(const Context& context, const IngestOptions& options, const Call& call)
      : context_(context), options_(options), call_(call) {}

  /// The directories of a cache, which others may have removed.
  static Done make_directories(const Context& context);

  /// One more image. No two may have a reference in common; each has at least one spelling.
  void add(SourceImage image, std::vector<Spelling> spellings);
  /// Everything that was added, or nothing; not to be called twice.
  Result<Ingested> run();

 private:
  /// What is one spelling of a layer.
  struct Blob {
    Digest digest;  ///< empty until its content has said it
    std::shared_ptr<const BlobOrigin> origin;
    bool described = false;  ///< by a manifest, which settles its media type
    archive::Compression compression = archive::Compression::none;
  };
  /// One layer of the images, however many of them have it.
  struct Layer {
    Digest diff_id;
    std::vector<Blob> blobs;
    size_t uses = 0;  ///< in images that are not assembled yet
    uint64_t size = 0;
    std::optional<tree::Tree> tree;
  };
  /// The position of an image's layer among all, and of its blob there.
  struct LayerUse {
    size_t layer = 0;
    size_t blob = 0;
  };
  struct PlannedImage {
    SourceImage source;
    std::vector<Spelling> spellings;
    std::vector<LayerUse> layers;
  };

  static size_t place_blob(Layer& layer, const SourceImage& image, size_t position);
  Result<Ingested> try_run();
  Done check_space() const;
  Done make_layers();
  Done make(size_t index, const Call& call);
  template <typename Read>
  Result<MadeLayer> read_blob(size_t index, size_t which, const Call& call, Read read);
  Done settle_blob(size_t index, size_t which, const Call& call);
  Progress progress_of(size_t index, const Blob& blob) const;
  Result<ReadyImage> finish(PlannedImage& image);
  Result<std::vector<AssembledLayer>> assemble_image(const PlannedImage& image, const Digest& digest);
  Result<tree::Tree> take_tree(Layer& layer);

  const Context& context_;
  const IngestOptions options_;
  const Call& call_;
  std::vector<PlannedImage> images_;
  std::deque<Layer> layers_;         // they do not move: threads work on them
  std::map<Digest, size_t> places_;  // of layers, by diff ID
  std::optional<Lease> lease_;
  NewFiles new_files_;
  std::atomic<size_t> kept_inodes_{0};
  std::atomic<uint32_t> made_{0};
  std::atomic<uint32_t> present_{0};
  std::atomic<uint64_t> read_{0};
};

}  // namespace msb::image
