#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/call.h"
#include "digest/digest.h"
#include "image/context.h"
#include "os/file.h"
#include "os/lock.h"

namespace msb::image {

/// What has come of a blob that takes long, on disk, so that the pull after one that was cut off goes on from there:
/// `tmp/<digest>.part` under the lock `tmp/<digest>.download.lock`. Both are microsandbox's: it goes on from ours, and
/// we from its. The bytes prove nothing; whoever goes on from them reads and hashes them again. A sweep takes parts
/// that nobody has touched for an hour.
///
/// Most blobs come in a moment, and nothing of them is written: what the first of their bytes took tells. Trouble with
/// the part is no trouble of the pull, which then goes on without. One thread at a time.
class DownloadPart {
 public:
  /// A blob that will take longer than `worth` is kept. With `anew`, what is there already is dropped. All outlive the
  /// object.
  DownloadPart(const Context& context, const Digest& digest, uint64_t size, std::chrono::milliseconds worth, bool anew);

  /// Bytes that an earlier pull has left.
  uint64_t there() const { return there_; }
  const os::File& file() const { return file_; }

  /// Shown the whole blob in order, those bytes included.
  void see(Bytes bytes);
  /// The blob has become a layer, or the part has been found to be damaged.
  void remove();

 private:
  Done resume();
  Done begin();
  void give_up(const Error& error);

  const Context& context_;
  const std::string path_;
  const std::string lock_path_;
  const uint64_t size_;
  const std::chrono::milliseconds worth_;
  const Call::Clock::time_point start_ = Call::Clock::now();
  std::optional<os::FileLock> lock_;
  os::File file_;
  uint64_t there_ = 0;
  uint64_t seen_ = 0;
  bool decided_ = false;
  std::vector<std::byte> held_;  // until it is known whether there is to be a part
};

}  // namespace msb::image
