#include "image/pull.h"

#include <algorithm>

#include "image/cached_image.h"
#include "image/choose_image.h"
#include "registry/blob_stream.h"
#include "registry/parallel_blob.h"

namespace msb::image {
namespace {

constexpr char kLog[] = "image";
// Most of the time a layer waits for its bytes: more of them at once than there are processors.
constexpr unsigned kMoreThreads = 2;
constexpr unsigned kThreadsBesideRanges = 2;  // what waits in pieces needs the memory of another layer

// A blob of this size and of most of its image is fetched in several ranges at once: many servers limit what one
// connection gets.
constexpr uint64_t kLarge = uint64_t{48} << 20;

class RemoteBlob final : public BlobOrigin {
 public:
  RemoteBlob(registry::Registry& registry, oci::Descriptor descriptor, bool in_ranges)
      : registry_(registry), descriptor_(std::move(descriptor)), in_ranges_(in_ranges) {}
  const std::string& name() const override { return descriptor_.digest.text(); }
  uint64_t size() const override { return descriptor_.size; }
  Result<std::unique_ptr<ByteSource>> open(const Call& call, uint64_t begin) const override {
    if (in_ranges_) {
      return std::unique_ptr<ByteSource>(std::make_unique<registry::ParallelBlob>(registry_, descriptor_, call, begin));
    }
    return std::unique_ptr<ByteSource>(
        std::make_unique<registry::BlobStream>(registry_, descriptor_, call, begin, descriptor_.size));
  }

 private:
  registry::Registry& registry_;
  const oci::Descriptor descriptor_;
  const bool in_ranges_;
};

class Pulling {
 public:
  Pulling(const Context& context, const PullRequest& request, const Call& call)
      // Who holds the lock of a reference may be pulling it: that is worth waiting for, however long it takes.
      : context_(patient(context)), request_(request), call_(call) {}

  Result<Pulled> run() {
    MSB_TRY(oci::Reference reference, oci::Reference::parse(request_.reference));
    spelling_ = Spelling{request_.reference, std::move(reference)};
    report(Phase::resolving, 0);
    MSB_TRY(lease_, Lease::take(context_, call_));
    if (!request_.force) {
      MSB_TRY(cached_, find_cached(context_, spelling_, request_.platform, *lease_, call_));
    }
    if (cached_ && request_.policy != PullPolicy::always) return take_cached();
    if (request_.policy == PullPolicy::never) {
      return Error(Status::image_not_found, request_.reference + ": it is not cached, and the policy is never to pull")
          .with("reference", request_.reference);
    }
    MSB_CHECK(context_.database.check_writable(call_));
    MSB_TRY(registry_, registry::Registry::open(spelling_.reference, request_.registry, context_.log));
    auto image = resolve();
    if (image) return fetch(std::move(*image));
    return unresolved(std::move(image).error());
  }

 private:
  static Context patient(const Context& context) {
    Context copy = context;
    copy.busy_timeout = std::chrono::hours(24);
    return copy;
  }

  void report(Phase phase, size_t layers) const {
    Progress progress;
    progress.phase = phase;
    progress.item = request_.reference;
    progress.count = static_cast<uint32_t>(layers);
    call_.report(progress);
  }

  Result<Pulled> take_cached() const {
    Pulled pulled;
    MSB_TRY(pulled.row, use_cached(context_, *cached_, call_));
    pulled.cached = true;
    pulled.layers_present = static_cast<uint32_t>(cached_->ready.document.layers.size());
    report(Phase::resolved, pulled.layers_present);
    return pulled;
  }

  /// The registry is out of reach. What is cached will do only for who has said so.
  Result<Pulled> unresolved(Error failure) const {
    const bool out_of_reach = failure.status() == Status::http;
    if (!out_of_reach || !request_.fall_back || !cached_) return failure;
    context_.log.warn(kLog, request_.reference + " is taken from the cache as " + cached_->manifest.text() +
                                ", because its registry cannot be asked: " + failure.message());
    MSB_TRY(Pulled pulled, take_cached());
    pulled.fell_back = true;
    return pulled;
  }

  /// Finds out what the reference means, with all documents of the image.
  Result<SourceImage> resolve() {
    const oci::Reference& reference = spelling_.reference;
    const std::string& asked = reference.digest().empty() ? reference.tag() : reference.digest();
    MSB_TRY(const registry::Document root, registry_->manifest(asked, call_));
    auto parsed = oci::parse_document(root.text);
    if (!parsed) return std::move(parsed).error().in(request_.reference);
    oci::Descriptor descriptor;
    descriptor.media_type = std::visit([](const auto& document) { return document.media_type; }, *parsed);
    descriptor.digest = root.digest;
    descriptor.size = root.text.size();
    const DocumentStore store{[&](const oci::Descriptor& wanted) -> Result<std::string> {
                                if (wanted.digest == root.digest) return root.text;
                                return registry_->document(wanted, call_);
                              },
                              [](const Digest& digest) { return digest.text(); }, request_.reference,
                              request_.reference};
    const oci::Platform platform = request_.platform.value_or(oci::Platform::host());
    ImageChooser chooser(store, platform, call_);
    const oci::Descriptor* const entry = &descriptor;
    MSB_TRY(auto image, chooser.choose(std::span(&entry, 1)));
    if (!image) return chooser.nothing_found();
    uint64_t total = 0;
    for (const oci::Descriptor& layer : image->manifest.layers) {
      total = checked_add(total, layer.size).value_or(UINT64_MAX);
    }
    for (const oci::Descriptor& layer : image->manifest.layers) {
      const bool in_ranges = layer.size >= kLarge && layer.size >= total / 2;
      in_ranges_ = in_ranges_ || in_ranges;
      image->layers.push_back(std::make_shared<const RemoteBlob>(*registry_, layer, in_ranges));
    }
    return std::move(*image);
  }

  Result<Pulled> fetch(SourceImage image) {
    report(Phase::resolved, image.layers.size());
    const bool current = cached_ && cached_->manifest == Digest::sha256_of(as_bytes(image.raw_manifest));
    if (current && request_.keep == Keep::recipe) return take_cached();
    MSB_CHECK(Ingest::make_directories(context_));
    IngestOptions options;
    options.keep = request_.keep;
    options.limits = request_.limits;
    options.remake = request_.force;
    options.remote = true;
    options.keep_finished = true;
    options.part_worth = request_.part_worth;
    options.threads = context_.threads + kMoreThreads;
    if (in_ranges_) options.threads = std::min(options.threads, kThreadsBesideRanges);
    Ingest ingest(context_, options, call_);
    ingest.add(std::move(image), {spelling_});
    auto ingested = ingest.run();
    if (!ingested) return failed(std::move(ingested).error());
    Pulled pulled;
    pulled.row = std::move(ingested->rows.front());
    pulled.layers_fetched = ingested->layers_made;
    pulled.layers_present = ingested->layers_present;
    pulled.bytes_fetched = ingested->bytes_read;
    return pulled;
  }

  /// The image is known, and still it could not be had.
  Error failed(Error error) const {
    if (error.status() != Status::http) return error;
    Error told(Status::image_pull_failed, request_.reference + ": " + error.message());
    return std::move(told).with("reference", request_.reference).because(std::move(error));
  }

  const Context context_;
  const PullRequest& request_;
  const Call& call_;
  Spelling spelling_;
  std::optional<Lease> lease_;
  std::optional<CachedImage> cached_;
  std::unique_ptr<registry::Registry> registry_;
  bool in_ranges_ = false;  // one of the layers comes so
};

}  // namespace

Result<Pulled> pull(const Context& context, const PullRequest& request, const Call& call) {
  return Pulling(context, request, call).run();
}

}  // namespace msb::image
