#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "base/result.h"
#include "os/fs.h"

namespace msb::client {

/// Where the parts of a home are, all absolute.
struct Home {
  std::string root;
  std::string cache;
  std::string snapshots;
  std::string sandboxes;
  std::string database;  ///< directory of `msb.db`
  std::string config;    ///< config.json, which need not be there
  std::optional<std::chrono::milliseconds> busy_timeout;
};

/// What the caller says about it; what is missing is looked for as microsandbox does (formats/snapshots.md §2.1).
struct HomeOptions {
  std::optional<std::string> root;
  std::optional<std::string> cache;
  std::optional<std::string> snapshots;
  std::optional<std::string> sandboxes;
};

/// Finds the directories from the options, the environment (MSB_HOME, MSB_CONFIG_PATH, HOME) and the home's
/// config.json. A root in the options settles the matter: then the environment is not asked. Reads, never writes.
/// @retval Status::invalid_config  config.json is malformed
Result<Home> locate_home(os::Fs& fs, const HomeOptions& options);

}  // namespace msb::client
