#include "archive/layer_ingest.h"

#include <utility>

#include "archive/layer_tree.h"
#include "archive/recipe_writer.h"
#include "archive/spool.h"
#include "digest/sha256.h"
#include "os/handoff.h"

namespace msb::archive {
namespace {

class SpooledContent final : public ContentSink {
 public:
  SpooledContent(Spool& spool, RecipeWriter* recipe) : spool_(&spool), recipe_(recipe) {}

  Done begin(tree::Tree& tree, tree::Id file, const TarEntry&) override {
    MSB_TRY(const uint64_t offset, spool_->begin());
    tree.at(file).data_offset = offset;
    if (recipe_ != nullptr) recipe_->content(file);
    return {};
  }

  Done write(Bytes bytes) override { return spool_->write(bytes); }

 private:
  Spool* spool_;
  RecipeWriter* recipe_;
};

}  // namespace

Result<tree::Tree> read_layer(TarReader& reader, ContentSink& content, const TarLimits& limits) {
  LayerTree layer(limits);
  TarEntry entry;
  while (true) {
    MSB_TRY(const bool more, reader.next(entry));
    if (!more) break;
    MSB_TRY(const tree::Id file, layer.add(entry));
    if (file == tree::kNone || entry.stored == 0) continue;
    MSB_CHECK(content.begin(layer.tree(), file, entry));
    while (true) {
      MSB_TRY(const Bytes piece, reader.body());
      if (piece.empty()) break;
      MSB_CHECK(content.write(piece));
    }
  }
  MSB_CHECK(reader.finish());
  return std::move(layer.tree());
}

Result<Layer> ingest_layer(ByteSource& tar, const os::File& file, const Call& call, const IngestOptions& options) {
  Sha256 hash;
  Layer layer;
  Spool spool(file);
  {
    // Inflating takes longer than hashing, and hashing about as long as the rest: a thread for each.
    os::ReadAhead ahead(tar, call, [&](Bytes bytes) -> Done {
      hash.update(bytes);
      layer.tar_size += bytes.size();
      return {};
    });
    TarReader reader(ahead, options.recipe != nullptr ? &options.recipe->residue() : nullptr, call, options.limits);
    SpooledContent content(spool, options.recipe);
    MSB_TRY(layer.tree, read_layer(reader, content, options.limits));
  }
  MSB_CHECK(spool.finish());
  MSB_TRY(layer.data_size, spool.begin());
  layer.diff_id = hash.digest();
  return layer;
}

}  // namespace msb::archive
