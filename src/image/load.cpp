#include "image/load.h"

#include <set>

#include "archive/tar_entry.h"
#include "image/archive_files.h"
#include "image/archived_image.h"
#include "image/ingest.h"
#include "image/register.h"

namespace msb::image {
namespace {

/// One load up to where its images are known.
class Loading {
 public:
  Loading(const Context& context, const LoadRequest& request, const Call& call)
      : context_(context), request_(request), call_(call) {}

  Result<std::vector<index::ImageRow>> run() {
    MSB_CHECK(Ingest::make_directories(context_));
    report(Phase::resolving, 0);
    MSB_TRY(const auto files, ArchiveFiles::open(context_, request_.path, request_.fd, call_));
    MSB_TRY(auto images, read_images(*files, request_.platform.value_or(oci::Platform::host()), call_));
    IngestOptions options;
    options.keep = request_.keep;
    options.limits = request_.limits;
    options.threads = context_.threads;
    Ingest ingest(context_, options, call_);
    const size_t count = images.size();
    MSB_CHECK(add(std::move(images), ingest));
    report(Phase::resolved, count);
    MSB_TRY(Ingested ingested, ingest.run());
    return std::move(ingested.rows);
  }

 private:
  void report(Phase phase, size_t count) const {
    Progress progress;
    progress.phase = phase;
    progress.item = request_.path;
    progress.count = static_cast<uint32_t>(count);
    call_.report(progress);
  }

  Done add(std::vector<SourceImage> images, Ingest& ingest) const {
    std::set<std::string> taken;
    for (size_t i = 0; i < images.size(); ++i) {
      MSB_TRY(std::vector<Spelling> names, names_of(images[i], i == 0));
      for (const Spelling& spelling : names) {
        if (taken.insert(spelling.text).second) continue;
        return Error(Status::image_invalid, "two images of the archive have the name " + spelling.text)
            .with("reference", spelling.text);
      }
      ingest.add(std::move(images[i]), std::move(names));
    }
    return {};
  }

  /// The names of an image, each once: the archive's, then for the first image the caller's.
  Result<std::vector<Spelling>> names_of(const SourceImage& image, bool first) const {
    std::vector<Spelling> names;
    std::set<std::string> keys;
    const auto add = [&](const std::string& text, Status status) -> Done {
      auto reference = oci::Reference::parse(text);
      if (!reference && status == Status::image_invalid) {
        return Error(status, "the archive names an image " + archive::printable(text) +
                                 ", which is no reference; give it another with a tag")
            .because(std::move(reference).error());
      }
      if (!reference) return std::move(reference).error();
      if (keys.insert(text).second) names.push_back({text, std::move(*reference)});
      return {};
    };
    for (const std::string& text : image.references) {
      Done added = add(text, Status::image_invalid);
      if (!added && (!first || request_.tags.empty())) return std::move(added).error();
      if (!added) context_.log.warn("image", added.error().message() + "; it gets the name that was given");
    }
    if (first) {
      for (const std::string& text : request_.tags) MSB_CHECK(add(text, Status::invalid_argument));
    }
    if (!names.empty()) return names;
    return Error(Status::invalid_argument,
                 first ? "the image in the archive has no name; give it one with a tag"
                       : "an image in the archive has no name, and only the first can be given one");
  }

  const Context& context_;
  const LoadRequest& request_;
  const Call& call_;
};

}  // namespace

Result<std::vector<index::ImageRow>> load(const Context& context, const LoadRequest& request, const Call& call) {
  return Loading(context, request, call).run();
}

}  // namespace msb::image
