#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/call.h"
#include "client/client.h"
#include "image/check.h"

namespace msb::client {

/// Values are those of MSB_HOME_… in the header.
enum class HomeState : uint32_t {
  missing = 1,
  empty,       ///< without an index: whoever opens it for writing makes it a home
  ready,       ///< of a release whose index we write
  foreign,     ///< the index can be read, and must not be written
  unreadable,  ///< the index cannot be read
};

/// Values are those of MSB_HOME_WRITES_….
enum class Writes : uint32_t {
  nothing = 0,
  files,  ///< in its directories, but no row of the index
  everything,
};

/// What a home is, and what can be done with it.
struct HomeReport {
  Home home;
  std::string database_path;
  HomeState state = HomeState::missing;
  Writes writes = Writes::nothing;
  std::string obstacle;  ///< why not everything can be written; empty when it can
  index::Generation generation = index::Generation::none;
  std::string schema;  ///< as Schema::describe(); empty without an index, like the next
  std::string last_migration;
  uint32_t migrations = 0;
  /// The first release that can open it, or what would be made there; empty when that is not known, like the next.
  std::string oldest_release;
  std::string newest_release;  ///< the last one that leaves it as it is: later ones upgrade it
  uint64_t images = 0;         ///< references in the index
  uint64_t sandboxes = 0;
  uint64_t running = 0;            ///< of these
  uint64_t indexed_snapshots = 0;  ///< rows
  uint64_t snapshots = 0;          ///< in the snapshots directory, and sound as far as a quick look can tell
  std::vector<image::Problem> problems;
};

/// Looks at a home without changing anything in it: no file is made, written or removed, not even one of SQLite's. Of
/// the options those count that say where it is, and the edition and the busy timeout.
/// @retval Status::invalid_config  config.json is malformed
/// @retval Status::io              a directory cannot be read
Result<HomeReport> inspect(os::Fs& fs, const Options& options, const Call& call);

}  // namespace msb::client
