// The addon is bound deeply, see src/native.ts: what it brings along finds functions in the addon and its libraries
// before those of the program. Memory is what both have to mean the same by. libc and Node take theirs from jemalloc
// where that is preloaded, so the addon, in which all of its libraries look first, hands every call on to the allocator
// of the program.
#include <dlfcn.h>

#include <atomic>
#include <cstddef>

namespace {

/// A function of the program. It is looked up when it is first called, which may be before any constructor here has
/// run.
template <typename Function>
class OfTheProgram {
 public:
  constexpr explicit OfTheProgram(const char* name) : name_(name) {}

  Function* get() {
    Function* function = function_.load(std::memory_order_relaxed);
    if (function == nullptr) {
      static void* const program = dlopen(nullptr, RTLD_LAZY);
      function = reinterpret_cast<Function*>(dlsym(program, name_));
      function_.store(function, std::memory_order_relaxed);
    }
    return function;
  }

 private:
  const char* const name_;
  std::atomic<Function*> function_ = nullptr;
};

}  // namespace

#define MSB_HAND_ON(result, name, parameters, arguments)                              \
  extern "C" __attribute__((visibility("default"))) result name parameters noexcept { \
    static constinit OfTheProgram<result parameters> function(#name);                 \
    return function.get() arguments;                                                  \
  }

MSB_HAND_ON(void*, malloc, (std::size_t size), (size))
MSB_HAND_ON(void*, calloc, (std::size_t count, std::size_t size), (count, size))
MSB_HAND_ON(void*, realloc, (void* old, std::size_t size), (old, size))
MSB_HAND_ON(void*, reallocarray, (void* old, std::size_t count, std::size_t size), (old, count, size))
MSB_HAND_ON(void, free, (void* old), (old))
MSB_HAND_ON(void*, memalign, (std::size_t alignment, std::size_t size), (alignment, size))
MSB_HAND_ON(void*, aligned_alloc, (std::size_t alignment, std::size_t size), (alignment, size))
MSB_HAND_ON(int, posix_memalign, (void** out, std::size_t alignment, std::size_t size), (out, alignment, size))
MSB_HAND_ON(void*, valloc, (std::size_t size), (size))
MSB_HAND_ON(void*, pvalloc, (std::size_t size), (size))
MSB_HAND_ON(std::size_t, malloc_usable_size, (void* old), (old))
