#include "image/save.h"

#include <algorithm>
#include <memory>

#include "archive/tar_writer.h"
#include "image/lease.h"
#include "image/query.h"
#include "image/saved_image.h"
#include "json/write.h"
#include "oci/manifest.h"
#include "os/output_file.h"

namespace msb::image {
namespace {

constexpr uint64_t kReportStep = uint64_t{4} << 20;
constexpr mode_t kArchiveMode = 0644;

json::Value strings(const std::vector<std::string>& list) { return json::Array(list.begin(), list.end()); }

/// Writes the members of an archive.
class ArchiveWriter {
 public:
  ArchiveWriter(const SavedImages& saved, ByteSink& out, const Call& call) : saved_(saved), tar_(out), call_(call) {}

  /// The members and their order are microsandbox's (formats/images.md §10.4).
  Done write_docker() {
    json::Array entries;
    for (const SavedImage& image : saved_.images) {
      std::vector<std::string> layers;
      for (const size_t place : image.layers) layers.push_back(layer_folder(place) + "/layer.tar");
      entries.push_back(json::Object{
          {"Config", config_name(image)}, {"RepoTags", strings(image.references)}, {"Layers", strings(layers)}});
    }
    MSB_CHECK(add("manifest.json", json::write(json::Value(std::move(entries)), json::Layout::pretty)));
    std::vector<Digest> written;
    for (const SavedImage& image : saved_.images) MSB_CHECK(add_once(config_name(image), image.config, written));
    for (size_t i = 0; i < saved_.layers.size(); ++i) {
      MSB_CHECK(add(layer_folder(i) + "/VERSION", "1.0\n"));
      MSB_CHECK(add(layer_folder(i) + "/json", "{}"));
      MSB_CHECK(add_layer(layer_folder(i) + "/layer.tar", i));
    }
    return tar_.finish();
  }

  Done write_oci() {
    MSB_CHECK(add("oci-layout", R"({"imageLayoutVersion":"1.0.0"})"));
    json::Array manifests;
    for (const SavedImage& image : saved_.images) {
      for (const std::string& reference : image.references) manifests.push_back(index_entry(image, reference));
    }
    const json::Value index(
        json::Object{{"manifests", std::move(manifests)}, {"mediaType", oci::kOciIndex}, {"schemaVersion", 2}});
    MSB_CHECK(add("index.json", json::write(index, json::Layout::pretty)));
    MSB_CHECK(tar_.add_directory("blobs"));
    MSB_CHECK(tar_.add_directory("blobs/sha256"));
    std::vector<Digest> written;
    for (const SavedImage& image : saved_.images) {
      MSB_CHECK(add_once(blob_name(image.config.digest), image.config, written));
      MSB_CHECK(add_once(blob_name(image.manifest.digest), image.manifest, written));
    }
    for (size_t i = 0; i < saved_.layers.size(); ++i) {
      MSB_CHECK(add_layer(blob_name(saved_.layers[i].digest()), i));
    }
    return tar_.finish();
  }

 private:
  static std::string blob_name(const Digest& digest) { return "blobs/sha256/" + std::string(digest.hex()); }
  static std::string config_name(const SavedImage& image) { return std::string(image.config.digest.hex()) + ".json"; }
  std::string layer_folder(size_t place) const { return std::string(saved_.layers[place].digest().hex()); }

  static json::Value index_entry(const SavedImage& image, const std::string& reference) {
    json::Object platform{{"architecture", image.platform.architecture}, {"os", image.platform.os}};
    if (!image.platform.variant.empty()) platform.push_back({"variant", image.platform.variant});
    return json::Object{{"annotations", json::Object{{std::string(oci::kRefNameAnnotation), reference}}},
                        {"digest", image.manifest.digest.text()},
                        {"mediaType", image.manifest.media_type},
                        {"platform", std::move(platform)},
                        {"size", image.manifest.text.size()}};
  }

  Done add(const std::string& name, std::string_view content) {
    MSB_CHECK(call_.check());
    return tar_.add_file(name, as_bytes(content));
  }

  Done add_once(const std::string& name, const SavedDocument& document, std::vector<Digest>& written) {
    if (std::find(written.begin(), written.end(), document.digest) != written.end()) return {};
    written.push_back(document.digest);
    return add(name, document.text);
  }

  Done add_layer(const std::string& name, size_t place) {
    const LayerExport& layer = saved_.layers[place];
    Progress progress;
    progress.phase = Phase::packing;
    progress.item = layer.original_diff_id().text();
    progress.index = static_cast<uint32_t>(place);
    progress.count = static_cast<uint32_t>(saved_.layers.size());
    progress.total = layer.size();
    progress.total_known = true;
    call_.report(progress);
    archive::TarEntry entry;
    entry.type = archive::TarType::regular;
    entry.path = name;
    entry.mode = 0644;
    entry.size = layer.size();
    MSB_CHECK(tar_.begin(entry));
    MemberSink content(tar_, layer.size());
    const auto on_written = [&](uint64_t done) {
      if (done < progress.done + kReportStep && done != progress.total) return;
      progress.done = done;
      call_.report(progress);
    };
    return layer.write(content, on_written, call_);
  }

  /// The content of the member that was begun. A damaged layer may yield more than was announced; its digest is what
  /// that fails for.
  class MemberSink final : public ByteSink {
   public:
    MemberSink(archive::TarWriter& tar, uint64_t size) : tar_(tar), left_(size) {}
    Done write(Bytes bytes) override {
      const Bytes fitting = bytes.first(static_cast<size_t>(std::min<uint64_t>(bytes.size(), left_)));
      left_ -= fitting.size();
      return tar_.write(fitting);
    }

   private:
    archive::TarWriter& tar_;
    uint64_t left_;
  };

  const SavedImages& saved_;
  archive::TarWriter tar_;
  const Call& call_;
};

Done write_archive(const SavedImages& saved, Format format, ByteSink& out, const Call& call) {
  ArchiveWriter writer(saved, out, call);
  return format == Format::docker ? writer.write_docker() : writer.write_oci();
}

}  // namespace

Done save(const Context& context, const SaveRequest& request, const Call& call) {
  if (request.references.empty()) return Error(Status::invalid_argument, "no reference to save");
  MSB_TRY(const Lease lease, Lease::take(context, call));
  for (const std::string& reference : request.references) {
    MSB_TRY(const index::ImageRow image, get(context, reference, call));
    if (!image.manifest_digest) continue;
    MSB_TRY(const Digest manifest, Digest::parse(*image.manifest_digest));
    MSB_CHECK(lease.add(manifest, call));
  }
  const auto shape = request.format == Format::oci ? LayerExport::Shape::shipped : LayerExport::Shape::plain;
  MSB_TRY(const SavedImages saved, plan_images(context, request.references, shape, call));
  std::unique_ptr<os::OutputFile> output;
  if (request.path.empty()) {
    output = os::OutputFile::on_descriptor(request.fd, call);
  } else {
    MSB_TRY(output, os::OutputFile::open(context.fs, request.path, {kArchiveMode, false}, call));
  }
  MSB_CHECK(write_archive(saved, request.format, output->sink(), call));
  return output->finish();
}

}  // namespace msb::image
