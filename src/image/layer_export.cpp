#include "image/layer_export.h"

#include <cerrno>
#include <vector>

#include "archive/inflate.h"
#include "archive/recipe.h"
#include "archive/tar_writer.h"
#include "base/found.h"
#include "digest/sha256.h"
#include "erofs/reader.h"
#include "oci/manifest.h"
#include "os/file.h"
#include "os/handoff.h"

namespace msb::image {
namespace {

/// Counts and hashes what passes through.
class MeasuringSink final : public ByteSink {
 public:
  MeasuringSink(ByteSink* out, const std::function<void(uint64_t)>* on_written) : out_(out), on_written_(on_written) {}
  Done write(Bytes bytes) override {
    hash_.update(bytes);
    size_ += bytes.size();
    if (out_ != nullptr) MSB_CHECK(out_->write(bytes));
    if (on_written_ != nullptr && *on_written_) (*on_written_)(size_);
    return {};
  }
  Digest digest() const { return hash_.digest(); }
  uint64_t size() const { return size_; }

 private:
  ByteSink* out_;
  const std::function<void(uint64_t)>* on_written_;
  Sha256 hash_;
  uint64_t size_ = 0;
};

/// Makes the bytes on one thread and uses them on another.
Done pump(ByteSource& source, ByteSink& out, const Call& call) {
  os::ReadAhead ahead(source, call);
  std::vector<std::byte> buffer(size_t{256} << 10);
  while (true) {
    MSB_CHECK(call.check());
    MSB_TRY(const size_t size, ahead.read(buffer));
    if (size == 0) return {};
    MSB_CHECK(out.write(Bytes(buffer).first(size)));
  }
}

Result<os::File> open_cached(const Context& context, const std::string& path) {
  return os::File::open_regular(context.fs, AT_FDCWD, path);
}

}  // namespace

Error LayerExport::damaged(std::string_view why) const {
  return Error(Status::image_invalid,
               "layer " + original_.text() + " in the cache " + std::string(why) + "; load or pull its image again")
      .with("digest", original_.text());
}

Result<LayerExport> LayerExport::plan(const Context& context, const oci::CacheRecord::Layer& layer, Shape shape,
                                      const Call& call) {
  LayerExport plan(context);
  plan.original_ = plan.diff_id_ = layer.diff_id;
  plan.blob_ = layer.digest;
  bool has_blob = false;
  MSB_TRY(const auto blob, if_there(open_cached(context, context.paths.blob(layer.digest.safe_name()))));
  if (blob) {
    MSB_TRY(plan.size_, blob->size());
    has_blob = !layer.size || plan.size_ == *layer.size;
  }
  if (has_blob && shape == Shape::shipped) {
    plan.from_ = From::blob;
    plan.digest_ = layer.digest;
    plan.media_type_ = layer.media_type.value_or(std::string(oci::kOciLayerTar));
    return plan;
  }
  plan.media_type_ = oci::kOciLayerTar;
  MSB_TRY(const bool told, plan.try_recipe(call));
  if (told) return plan;
  plan.from_ = has_blob ? From::inflated_blob : From::layer_file;
  MSB_CHECK(plan.measure(call));
  return plan;
}

/// False when there is no recipe that is of use.
Result<bool> LayerExport::try_recipe(const Call& call) {
  const std::string name = original_.safe_name();
  MSB_TRY(const auto file, if_there(open_cached(*context_, context_->paths.recipe(name))));
  if (!file) return false;
  auto recipe = archive::Recipe::open(*file, call);
  if (!recipe && recipe.error().status() != Status::image_invalid) return std::move(recipe).error();
  if (!recipe || recipe->diff_id() != original_) {
    context_->log.warn("image", "recipe of layer " + original_.text() + " is damaged and will not be used");
    return false;
  }
  from_ = From::recipe;
  digest_ = original_;
  size_ = recipe->tar_size();
  return true;
}

/// Makes the bytes once to know what they are.
Done LayerExport::measure(const Call& call) {
  MeasuringSink measured(nullptr, nullptr);
  MSB_CHECK(produce(measured, call));
  size_ = measured.size();
  digest_ = measured.digest();
  diff_id_ = digest_;
  if (from_ == From::inflated_blob && digest_ != original_) return damaged("has a blob that holds something else");
  return {};
}

Done LayerExport::write(ByteSink& out, const std::function<void(uint64_t)>& on_written, const Call& call) const {
  MeasuringSink measured(&out, &on_written);
  auto produced = produce(measured, call);
  if (!produced && produced.error().status() == Status::image_invalid) {
    return damaged("is damaged").because(std::move(produced).error());
  }
  MSB_CHECK(std::move(produced));
  if (measured.digest() == digest_ && measured.size() == size_) return {};
  return damaged("is damaged").with("expected", digest_.text()).with("actual", measured.digest().text());
}

Done LayerExport::produce(ByteSink& out, const Call& call) const {
  const CachePaths& paths = context_->paths;
  const std::string name = original_.safe_name();
  if (from_ == From::blob || from_ == From::inflated_blob) {
    MSB_TRY(const os::File blob, open_cached(*context_, paths.blob(blob_.safe_name())));
    os::FileSource source(blob);
    if (from_ == From::blob) return pump(source, out, call);
    MSB_TRY(const auto plain, archive::InflatedSource::open(source));
    return pump(*plain, out, call);
  }
  MSB_TRY(const auto layer, if_there(open_cached(*context_, paths.layer(name))));
  if (!layer) return damaged("is missing");
  if (auto checked = erofs::check_file(*layer); !checked) return std::move(checked).error();
  if (from_ == From::layer_file) {
    MSB_TRY(const tree::Tree tree, erofs::read_layer(*layer, call));
    return archive::write_layer_tar(tree, *layer, out, call);
  }
  MSB_TRY(const os::File file, open_cached(*context_, paths.recipe(name)));
  MSB_TRY(const archive::Recipe recipe, archive::Recipe::open(file, call));
  MSB_TRY(const auto tar, archive::TarReplay::open(recipe, *layer));
  return pump(*tar, out, call);
}

}  // namespace msb::image
