#include "sandbox/stored_config.h"

#include "json/parse.h"
#include "json/value.h"

namespace msb::sandbox {
namespace {

std::optional<std::string> text_of(const json::Value* value) {
  if (value == nullptr || value->string() == nullptr) return std::nullopt;
  return *value->string();
}

}  // namespace

std::optional<StoredConfig> read_stored_config(std::string_view text) {
  const auto document = json::parse(text);
  if (!document || document->object() == nullptr) return std::nullopt;
  StoredConfig config;
  config.manifest_digest = text_of(document->find("manifest_digest"));
  if (const json::Value* labels = document->find("labels"); labels != nullptr && labels->object() != nullptr) {
    for (const json::Member& label : *labels->object()) {
      if (label.value.string() != nullptr) config.labels.emplace(label.name, *label.value.string());
    }
  }
  const json::Value* image = document->find("image");
  const json::Value* oci = image != nullptr ? image->find("Oci") : nullptr;
  if (oci == nullptr) return config;
  // Up to 0.5.0 the reference alone, without an object around it.
  config.image_ref = text_of(oci->string() != nullptr ? oci : oci->find("reference"));
  if (!config.image_ref) return config;
  const json::Value* disk = oci->find("root_disk");
  const json::Value* kind = disk != nullptr ? disk->find("kind") : nullptr;
  config.managed_disk = kind == nullptr || text_of(kind) == "managed";
  return config;
}

}  // namespace msb::sandbox
