#include "os/shared_library.h"

#include <dlfcn.h>

#include <string>

namespace msb::os {
namespace {

#if defined(__has_feature)
#define MSB_HAS_FEATURE(feature) __has_feature(feature)
#else
#define MSB_HAS_FEATURE(feature) 0
#endif

// Programs may carry an OpenSSL or zlib of their own and show its symbols to everything that they load, as Node does.
// Bound deeply, a library uses what it was built with. The sanitizers refuse to load anything so.
#if defined(RTLD_DEEPBIND) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && \
    !MSB_HAS_FEATURE(address_sanitizer) && !MSB_HAS_FEATURE(thread_sanitizer)
constexpr int kBinding = RTLD_DEEPBIND;
#else
constexpr int kBinding = 0;
#endif

}  // namespace

Result<SharedLibrary> SharedLibrary::open(const Name& name) {
  void* const handle = dlopen(name.soname, RTLD_NOW | RTLD_LOCAL | kBinding);
  if (handle != nullptr) return SharedLibrary(handle, name);
  return Error(Status::unsupported, std::string(name.purpose) + " need " + name.soname +
                                        ", which cannot be loaded; on Debian, install " + name.package + " (" +
                                        dlerror() + ")")
      .with("package", name.package);
}

Result<void*> SharedLibrary::address_of(const char* function_name) const {
  void* const address = dlsym(handle_, function_name);
  if (address != nullptr) return address;
  return Error(Status::unsupported, std::string(name_.purpose) + " need " + function_name + ", which this " +
                                        name_.soname + " lacks; install a newer " + name_.package)
      .with("package", name_.package);
}

}  // namespace msb::os
