#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "image/context.h"

namespace msb::image {

/// What a document in `manifests/` says about which files its image needs (formats/images.md §1.3). The whole of it is
/// read by whoever shows or saves images; here only the ties count.
struct Ties {
  struct Layer {
    std::string diff_id;
    std::string blob_digest;
  };

  std::string manifest_digest;
  std::string config_digest;
  std::vector<Layer> layers;  ///< bottom first
  std::vector<std::pair<std::string, std::string>> labels;
};

/// Largest document that is read; raw manifest and config are in it, which are 4 MiB each at most.
inline constexpr size_t kMaxDocument = size_t{32} << 20;

/// Fails with image_invalid, naming the member, when the text is no such document.
Result<Ties> parse_ties(std::string_view document);

/// True when the document can be seen without parsing to be of the manifest: its text has the member with that value.
/// Said of documents that the index ties to the same manifest, this spares reading most of them.
bool plainly_of(std::string_view document, std::string_view manifest_digest);

/// File names of the layers that a VMDK descriptor joins, bottom first: all that is left of an image that neither the
/// index nor a document knows (formats/images.md §7).
std::vector<std::string> layers_of_vmdk(std::string_view descriptor);

/// What a record in `flat/refs/` ties its image to (formats/images.md §8).
struct FlatRecord {
  std::string artifact_digest;
  std::string derivation_digest;
};
Result<FlatRecord> parse_flat_record(std::string_view record);

}  // namespace msb::image
