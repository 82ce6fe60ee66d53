// What parses keeps its promises: sha256 diff IDs, and a platform that runs where it says.

#include <cstdint>
#include <cstdlib>

#include "oci/config.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace msb::oci;
  const auto config = parse_config({reinterpret_cast<const char*>(data), size});
  if (!config) return 0;
  for (const auto& diff_id : config->diff_ids) {
    if (!diff_id.is_sha256()) std::abort();
  }
  if (!check_layer_count(*config, config->diff_ids.size())) std::abort();
  if (!check_platform(*config, config->platform, "input")) std::abort();
  return 0;
}
