#pragma once

/* What shared_library.cpp writes into allocator_front.c before it is loaded. C, for both. */

#define MSB_ALLOCATOR_FUNCTIONS(X) \
  X(malloc)                        \
  X(calloc)                        \
  X(realloc)                       \
  X(reallocarray)                  \
  X(free)                          \
  X(memalign)                      \
  X(aligned_alloc)                 \
  X(posix_memalign)                \
  X(valloc)                        \
  X(pvalloc)                       \
  X(malloc_usable_size)

#define MSB_ALLOCATOR_MARK "microsandbox allocator front\n" /* 29 bytes, and the NUL */

/* The library that is found behind the front; written over with the name of the one that is wanted. */
#define MSB_ALLOCATOR_BEHIND "libmicrosandbox-allocator-front-stands-before-this-library.so.00"
