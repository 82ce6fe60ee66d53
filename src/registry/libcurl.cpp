#include "registry/libcurl.h"

#include "os/shared_library.h"

namespace msb::registry {
namespace {

os::LateFunctions<LibCurl> late;

}  // namespace

Result<LibCurl> LibCurl::load() {
  MSB_TRY(const auto library, os::SharedLibrary::open({"libcurl.so.4", "registries", "libcurl4"}));
  LibCurl curl{};
#define MSB_LIBCURL_FIND(name) MSB_CHECK(library.find("curl_" #name, curl.name));
  MSB_LIBCURL_FUNCTIONS(MSB_LIBCURL_FIND)
#undef MSB_LIBCURL_FIND
  const CURLcode initialised = curl.global_init(CURL_GLOBAL_DEFAULT);
  if (initialised != CURLE_OK) return Error(Status::internal, curl.easy_strerror(initialised));
  return curl;
}

Done load_libcurl() { return late.load(); }

const LibCurl& libcurl() { return *late; }

}  // namespace msb::registry
