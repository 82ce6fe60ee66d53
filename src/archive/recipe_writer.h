#pragma once

#include <cstdint>
#include <vector>

#include "archive/layer_ingest.h"
#include "archive/zstd_sink.h"
#include "base/call.h"
#include "base/stream.h"
#include "digest/sha256.h"
#include "os/file.h"

namespace msb::archive {

/// Writes a layer's recipe: the tar without the content that the layer file holds. From the two the tar comes back byte
/// for byte. It is fed while ingest_layer() runs (IngestOptions::recipe), and completed when the layer file is laid
/// out.
class RecipeWriter {
 public:
  /// `file` is empty, and must outlive the writer.
  explicit RecipeWriter(const os::File& file) : out_(file), residue_(out_) {}
  RecipeWriter(const RecipeWriter&) = delete;
  RecipeWriter& operator=(const RecipeWriter&) = delete;

  /// Takes what is no content, in the order of the tar.
  ByteSink& residue() { return residue_; }
  /// The content of `file` stands here in the tar.
  void content(tree::Id file) { contents_.push_back({residue_.size(), file}); }

  /// Completes the recipe. Files of the tree that have a name say by now where their content is in the layer file
  /// (erofs::refer_to_layer), sparse ones with their holes; content of others is copied from the spool into the recipe.
  /// Does not sync.
  Done finish(const Layer& layer, const os::File& spool, const Call& call);

 private:
  class Output final : public ByteSink {
   public:
    explicit Output(const os::File& file) : sink_(file) {}
    Done write(Bytes bytes) override;
    uint64_t size() const { return sink_.offset(); }
    Sha256::Value hash() const { return hash_.value(); }

   private:
    os::FileSink sink_;
    Sha256 hash_;
  };

  /// Counts what it compresses.
  class Residue final : public ByteSink {
   public:
    explicit Residue(ByteSink& out) : zstd_(out) {}
    Done write(Bytes bytes) override;
    Done finish() { return zstd_.finish(); }
    uint64_t size() const { return size_; }

   private:
    ZstdSink zstd_;
    uint64_t size_ = 0;
  };

  struct Content {
    uint64_t residue_before;  // counted from the start
    tree::Id file;
  };

  Done write_lost(const tree::Tree& tree, const os::File& spool, const Call& call);
  Result<uint64_t> write_table(const tree::Tree& tree);

  Output out_;
  Residue residue_;
  std::vector<Content> contents_;
};

}  // namespace msb::archive
