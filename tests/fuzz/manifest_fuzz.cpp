// What parses keeps its promises: sha256 digests, limits, and a choice that is one of the entries.

#include <cstdint>
#include <cstdlib>

#include "oci/manifest.h"

namespace {

void check(const msb::oci::Descriptor& descriptor) {
  if (!descriptor.digest.is_sha256() || descriptor.size > INT64_MAX) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace msb::oci;
  const auto document = parse_document({reinterpret_cast<const char*>(data), size});
  if (!document) return 0;
  if (const auto* manifest = std::get_if<Manifest>(&*document)) {
    check(manifest->config);
    for (const Descriptor& layer : manifest->layers) check(layer);
    if (manifest->layers.size() > kMaxLayers) std::abort();
    if (!parse_manifest(synthesize_manifest(manifest->config, manifest->layers))) std::abort();
  } else {
    const auto& manifests = std::get<Index>(*document).manifests;
    for (const Descriptor& entry : manifests) check(entry);
    const auto chosen = select(manifests, {"linux", "arm64", "v8"}, "input");
    if (chosen && (*chosen < manifests.data() || *chosen >= manifests.data() + manifests.size())) std::abort();
  }
  return 0;
}
