#pragma once

#include <archive.h>
#include <archive_entry.h>

#include "base/result.h"

namespace msb::runtime {

/// What we call of libarchive. It is loaded when an initramfs is written, which is once for each kernel: it brings ICU
/// and more along, which other programs should not have to load.
#define MSB_LIBARCHIVE_FUNCTIONS(X) \
  X(entry_free)                     \
  X(entry_new)                      \
  X(entry_set_ino)                  \
  X(entry_set_mode)                 \
  X(entry_set_mtime)                \
  X(entry_set_nlink)                \
  X(entry_set_pathname)             \
  X(entry_set_rdevmajor)            \
  X(entry_set_rdevminor)            \
  X(entry_set_size)                 \
  X(error_string)                   \
  X(read_data)                      \
  X(read_free)                      \
  X(read_new)                       \
  X(read_next_header)               \
  X(read_open_filename)             \
  X(read_support_filter_gzip)       \
  X(read_support_filter_xz)         \
  X(read_support_filter_zstd)       \
  X(read_support_format_raw)        \
  X(write_add_filter_none)          \
  X(write_close)                    \
  X(write_data)                     \
  X(write_free)                     \
  X(write_header)                   \
  X(write_new)                      \
  X(write_open_fd)                  \
  X(write_set_format_cpio_newc)

struct LibArchive {
#define MSB_LIBARCHIVE_MEMBER(name) decltype(&::archive_##name) name;
  MSB_LIBARCHIVE_FUNCTIONS(MSB_LIBARCHIVE_MEMBER)
#undef MSB_LIBARCHIVE_MEMBER

  static Result<LibArchive> load();
};

/// Sees to it that libarchive() can be called. Any thread may call it, at any time.
/// @retval Status::unsupported  it is not installed, or too old
Done load_libarchive();

/// What load_libarchive() loaded: for what runs after it.
const LibArchive& libarchive();

}  // namespace msb::runtime
