#include "base/status.h"
#include "microsandbox.h"

#define MSB_TEXT(x) MSB_TEXT_(x)
#define MSB_TEXT_(x) #x

extern "C" {

uint32_t msb_abi_version(void) { return MSB_ABI_VERSION; }

const char* msb_version(void) {
  return MSB_TEXT(MSB_VERSION_MAJOR) "." MSB_TEXT(MSB_VERSION_MINOR) "." MSB_TEXT(MSB_VERSION_PATCH);
}

uint64_t msb_features(void) {
  return MSB_FEATURE_GZIP | MSB_FEATURE_ZSTD | MSB_FEATURE_BLAKE3 | MSB_FEATURE_REFLINK | MSB_FEATURE_REGISTRY;
}

const char* msb_status_name(msb_status status) {
  if (status == MSB_OK) return "OK";
  const auto* row = msb::find_status(static_cast<msb::Status>(status));
  return row != nullptr ? row->go_name.data() : "Unknown";
}

const char* msb_status_tag(msb_status status) {
  if (status == MSB_OK) return "ok";
  const auto* row = msb::find_status(static_cast<msb::Status>(status));
  return row != nullptr ? row->tag.data() : "unknown";
}

msb_status msb_status_from_tag(const char* tag) {
  if (tag == nullptr) return MSB_ERR_UNKNOWN;
  if (std::string_view(tag) == "ok") return MSB_OK;
  const auto* row = msb::find_status_by_tag(tag);
  return row != nullptr ? static_cast<msb_status>(row->status) : msb_status{MSB_ERR_UNKNOWN};
}

}  // extern "C"
