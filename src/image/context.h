#pragma once

#include <chrono>
#include <string>

#include "base/log.h"
#include "image/paths.h"
#include "index/database.h"
#include "os/fs.h"

namespace msb::image {

/// What every operation on the cache of one home works with. The client owns it; it does not change.
struct Context {
  os::Fs& fs;
  index::Database& database;
  const Log& log;
  CachePaths paths;
  std::string snapshots_dir;  ///< its artifacts keep images alive, indexed or not
  std::string sandboxes_dir;
  std::chrono::milliseconds busy_timeout{5000};  ///< longest wait for a lock file of another process
  unsigned threads = 1;                          ///< most worker threads of one call
  bool read_only = false;
};

}  // namespace msb::image
