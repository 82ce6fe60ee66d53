#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "image/context.h"

namespace msb::image {

/// True when the document can be seen without parsing to be of the manifest: its text has the member with that value.
/// Said of documents that the index ties to the same manifest, this spares reading most of them.
bool plainly_of(std::string_view document, std::string_view manifest_digest);

/// The text of a document of the cache. Nothing when there is none, or something that is no document: no regular file,
/// or too large to be one. Whoever cannot look fails, as what such a document ties must not be given up.
Result<std::optional<std::string>> read_document(const Context& context, const std::string& path, size_t limit);

/// Safe names of the layers that a VMDK descriptor joins: all that is left of an image that neither the index nor a
/// document knows. Empty when it is none.
std::vector<std::string> layers_of_vmdk(std::string_view descriptor);

/// What a record in `flat/refs/` ties its image to (formats/images.md §8).
struct FlatRecord {
  std::string artifact_digest;
  std::string derivation_digest;
};
Result<FlatRecord> parse_flat_record(std::string_view record);

}  // namespace msb::image
