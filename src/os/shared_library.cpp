#include "os/shared_library.h"

#include <dlfcn.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <string>

#include <sys/mman.h>

#include "os/allocator_front.h"
#include "os/fd.h"

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
constexpr bool kDeep = true;
constexpr int kBinding = RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND;

asm(".pushsection .rodata\n"
    "msb_allocator_front: .incbin \"" MSB_ALLOCATOR_FRONT
    "\"\n"
    "msb_allocator_front_end:\n"
    ".popsection\n");
extern "C" __attribute__((visibility("hidden"))) const char msb_allocator_front[];
extern "C" __attribute__((visibility("hidden"))) const char msb_allocator_front_end[];

std::string front_bytes() { return {msb_allocator_front, msb_allocator_front_end}; }
#else
constexpr bool kDeep = false;
constexpr int kBinding = RTLD_NOW | RTLD_LOCAL;

std::string front_bytes() { return {}; }
#endif

/// A function as the program has it, even where this library is itself bound deeply.
void* of_the_program(const char* function) {
  static void* const program = dlopen(nullptr, RTLD_LAZY);
  return dlsym(program, function);
}

/// Whether memory comes from another allocator than libc's: jemalloc, tcmalloc, that of a browser. A deeply bound
/// library finds libc's malloc() first, and would then free() there what other libraries got from the program's.
bool has_own_allocator() {
  Dl_info allocator{};
  Dl_info libc{};
  return dladdr(of_the_program("malloc"), &allocator) != 0 &&
         dladdr(of_the_program("gnu_get_libc_version"), &libc) != 0 && allocator.dli_fbase != libc.dli_fbase;
}

/// Loads a library deeply bound, behind a front that gives it the program's allocator. NULL when it cannot be;
/// the problem says why.
void* open_behind_front(const std::string& soname, std::string& problem) {
  std::string bytes = front_bytes();
  constexpr size_t kMarkBytes = 32;
  const size_t behind = bytes.find(MSB_ALLOCATOR_BEHIND);
  size_t at = bytes.find(MSB_ALLOCATOR_MARK) + kMarkBytes;
  std::array<char, sizeof(MSB_ALLOCATOR_BEHIND)> name{};
  soname.copy(name.data(), name.size() - 1);
  bytes.replace(behind, name.size(), name.data(), name.size());
#define MSB_GIVE(function)                                                          \
  {                                                                                 \
    void* const address = of_the_program(#function);                                \
    memcpy(bytes.data() + at, static_cast<const void*>(&address), sizeof(address)); \
    at += sizeof(address);                                                          \
  }
  MSB_ALLOCATOR_FUNCTIONS(MSB_GIVE)
#undef MSB_GIVE

  const Fd file(memfd_create("microsandbox-allocator-front", MFD_CLOEXEC));
  if (!file || ::write(file.get(), bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) {
    problem = std::string("the front of the allocator cannot be written: ") + strerror(errno);
    return nullptr;
  }
  // The loader knows a library by its path: each has to have another, though descriptors have the same numbers.
  static std::atomic<size_t> count = 0;
  std::string path = "/proc/self/fd/";
  for (size_t i = count.fetch_add(1); i > 0; --i) path += "./";
  void* const handle = dlopen((path + std::to_string(file.get())).c_str(), kBinding);
  if (handle == nullptr) problem = dlerror();
  return handle;
}

void* open_library(const char* soname, std::string& problem) {
  // What the program has loaded already is bound as it is.
  if (kDeep && has_own_allocator()) {
    void* const front = open_behind_front(soname, problem);
    if (front == nullptr) return nullptr;
  }
  void* const handle = dlopen(soname, kBinding);
  if (handle == nullptr) problem = dlerror();
  return handle;
}

}  // namespace

Result<SharedLibrary> SharedLibrary::open(const Name& name) {
  std::string problem;
  void* const handle = open_library(name.soname, problem);
  if (handle != nullptr) return SharedLibrary(handle, name);
  return Error(Status::unsupported, std::string(name.purpose) + " need " + name.soname +
                                        ", which cannot be loaded; on Debian, install " + name.package + " (" +
                                        problem + ")")
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
