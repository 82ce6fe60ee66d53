/* A library of its own that stands first where a deeply bound library looks for functions, and hands every call for
 * memory on to the allocator of the program. It is kept as bytes inside of the library: shared_library.cpp writes the
 * addresses and the name of the library behind it into them, and loads them. It needs nothing, not even libc. */
#include "os/allocator_front.h"

#include <stddef.h>

static volatile struct {
  char mark[32];
#define MEMBER(name) void* (*name)();
  MSB_ALLOCATOR_FUNCTIONS(MEMBER)
} program = {MSB_ALLOCATOR_MARK};

#define GIVEN(name) ((__typeof__(&name))program.name)

void* malloc(size_t size) { return GIVEN(malloc)(size); }
void* calloc(size_t count, size_t size) { return GIVEN(calloc)(count, size); }
void* realloc(void* old, size_t size) { return GIVEN(realloc)(old, size); }
void* reallocarray(void* old, size_t count, size_t size) { return GIVEN(reallocarray)(old, count, size); }
void free(void* old) { GIVEN(free)(old); }
void* memalign(size_t alignment, size_t size) { return GIVEN(memalign)(alignment, size); }
void* aligned_alloc(size_t alignment, size_t size) { return GIVEN(aligned_alloc)(alignment, size); }
int posix_memalign(void** out, size_t alignment, size_t size) { return GIVEN(posix_memalign)(out, alignment, size); }
void* valloc(size_t size) { return GIVEN(valloc)(size); }
void* pvalloc(size_t size) { return GIVEN(pvalloc)(size); }
size_t malloc_usable_size(void* old) { return GIVEN(malloc_usable_size)(old); }
