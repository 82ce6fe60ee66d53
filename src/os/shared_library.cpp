#include "os/shared_library.h"

#include <dlfcn.h>

#include <string>

namespace msb::os {

Result<SharedLibrary> SharedLibrary::open(const Name& name) {
  void* const handle = dlopen(name.soname, RTLD_NOW | RTLD_LOCAL);
  if (handle != nullptr) return SharedLibrary(handle, name);
  return Error(Status::unsupported, std::string(name.purpose) + " need " + name.soname +
                                        ", which cannot be loaded; on Debian, install " + name.package + " (" +
                                        dlerror() + ")");
}

Result<void*> SharedLibrary::address_of(const char* function_name) const {
  void* const address = dlsym(handle_, function_name);
  if (address != nullptr) return address;
  return Error(Status::unsupported, std::string(name_.purpose) + " need " + function_name + ", which this " +
                                        name_.soname + " lacks; install a newer " + name_.package);
}

}  // namespace msb::os
