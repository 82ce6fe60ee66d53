#pragma once

#include <string>

#include "base/call.h"
#include "os/file.h"
#include "os/sparse.h"
#include "snapshot/integrity.h"

namespace msb::snapshot {

// Holes are never read. Merkle uses up to `threads` threads, SHA-256 cannot. Memory: 256 KiB a thread, whatever the
// size. Each fails with Status::io when the file that is read changes meanwhile (os/stamp.h). Progress counts bytes of
// data; `progress` brings item, index and count.

/// Reports Phase::hashing.
Result<Digest> hash_file(const os::File& file, Algorithm algorithm, unsigned threads, const Call& call,
                         Progress progress = {});

/// `msb-sparse-sha256-v1` as microsandbox up to 0.5.7 meant it: over the extents that the filesystem has allocated, so
/// a copy may have another digest. Reports Phase::hashing.
Result<Digest> hash_extents(const os::File& file, const Call& call, Progress progress = {});

/// hash_file() by path: fails also when the path leads to another file afterwards, or to no regular file.
Result<Digest> hash_path(os::Fs& fs, const std::string& path, Algorithm algorithm, unsigned threads, const Call& call);

struct HashedCopy {
  os::Copied copied;
  Digest digest;
};

/// os::copy_sparse() and hash_file() in one pass over the data: what is copied is hashed while it is in the cache of
/// the processor. Where the filesystem can share blocks it does, and the hash is all the work. Reports Phase::copying,
/// or for a clone Phase::hashing.
Result<HashedCopy> copy_and_hash(const os::File& from, const os::File& to, Algorithm algorithm, unsigned threads,
                                 const Call& call, Progress progress = {});

}  // namespace msb::snapshot
