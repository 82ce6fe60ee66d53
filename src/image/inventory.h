#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/call.h"
#include "base/time.h"
#include "image/context.h"
#include "image/item.h"

namespace msb::image {

/// What a file costs.
struct FileSize {
  uint64_t allocated = 0;  ///< blocks, as `du` counts
  uint64_t apparent = 0;
  uint64_t freed = 0;  ///< what removing it gives back: nothing while it has other names
  UnixNanos modified = 0;

  FileSize& operator+=(const FileSize& other);
};

/// What a file of the cache is, by its directory and name alone (formats/images.md §1).
enum class FileRole {
  layer,        ///< `layers/<name>.erofs`
  recipe,       ///< `layers/<name>.recipe`
  fsmeta,       ///< `fsmeta/<name>.erofs`
  vmdk,         ///< `vmdk/<name>.vmdk`
  metadata,     ///< `manifests/<name>.json`
  blob,         ///< `blobs/<name>`
  flat_record,  ///< `flat/refs/<name>.json`
  flat_blob,    ///< `flat/blobs/<name>.raw`
  temporary,    ///< of work in progress, or of work that ended badly; `name` is the whole file name
  leftover,     ///< staged or given up by os/publish; a lock tells whether its maker lives
  set_aside,    ///< a damaged layer that a check moved out of the way
  unknown,      ///< nobody's we know; never touched
};

struct CacheFile {
  FileRole role = FileRole::unknown;
  std::string name;  ///< what is derived from content: safe name of a digest, or key of a reference
  std::string path;
  FileSize size;
};

/// Everything in the cache directory but lock files and leases, each directory in the order of names. Missing
/// directories are empty. Temporary directories count with all that is in them.
Result<std::vector<CacheFile>> list_cache(const Context& context, const Call& call);

/// The lock file that writers of the file hold (formats/images.md §1.4); empty when there is none.
std::string lock_of(const Context& context, const CacheFile& file);

/// Lock files from before `before` of things that are not there. Somebody may just be making one. Those of downloads
/// are not among them: microsandbox never removes these either.
Result<std::vector<std::string>> idle_locks(const Context& context, UnixNanos before, const Call& call);

/// Size of a file, or of a directory with everything below it. Symlinks are not followed; what vanishes counts nothing.
Result<FileSize> measure(const Context& context, const std::string& path, const Call& call);

}  // namespace msb::image
