#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/call.h"
#include "base/stream.h"
#include "digest/digest.h"
#include "image/context.h"
#include "oci/cache_record.h"

namespace msb::image {

/// How a layer leaves the cache: in the best shape that is there. Known before the first byte is, as the documents of
/// an archive stand before its layers and name them by digest.
class LayerExport {
 public:
  enum class Shape {
    plain,    ///< the tar
    shipped,  ///< as it came, compressed, if that was kept; else the tar
  };

  /// Looks what there is: the blob that was kept, else the tar from recipe and layer file, else (for layers that
  /// microsandbox made) a tar made from the layer file, which has another digest than the original.
  /// @retval Status::image_invalid  the layer is not in the cache, or damaged; fact `digest`
  static Result<LayerExport> plan(const Context& context, const oci::CacheRecord::Layer& layer, Shape shape,
                                  const Call& call);

  const Digest& original_diff_id() const { return original_; }
  const Digest& diff_id() const { return diff_id_; }  ///< of the tar inside
  const Digest& digest() const { return digest_; }    ///< of the bytes that write() yields
  uint64_t size() const { return size_; }             ///< of them
  std::string_view media_type() const { return media_type_; }

  /// Yields the bytes. When they turn out not to have the digest, the layer is damaged: image_invalid, and what was
  /// written is good for nothing.
  Done write(ByteSink& out, const std::function<void(uint64_t)>& on_written, const Call& call) const;

 private:
  enum class From { blob, inflated_blob, recipe, layer_file };

  explicit LayerExport(const Context& context) : context_(&context) {}

  Result<bool> try_recipe(const Call& call);
  Done produce(ByteSink& out, const Call& call) const;
  Done measure(const Call& call);
  Error damaged(std::string_view why) const;

  const Context* context_;
  From from_ = From::recipe;
  Digest original_;
  Digest blob_;
  Digest diff_id_;
  Digest digest_;
  uint64_t size_ = 0;
  std::string media_type_;
};

}  // namespace msb::image
