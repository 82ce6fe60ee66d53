#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "index/images.h"

namespace msb::runtime {

/// How a sandbox is to be run, unless its starter says otherwise.
struct BootConfig {
  std::optional<std::vector<std::string>> entrypoint, command;
  std::vector<std::string> environment;  ///< `K=V`
  std::optional<std::string> directory, user, hostname;
  std::optional<uint64_t> memory_mib, cpus;
  std::optional<std::string> stop_signal;  ///< `SIGTERM`, `15`
};

/// From the stored configuration of a sandbox, as any release has laid it out, and, where that says nothing, from the
/// configuration of its image.
BootConfig read_boot_config(std::string_view stored, const std::optional<index::ConfigRecord>& image);

/// Number of a signal by its name, with or without SIG, or its number; 15 for anything else.
int signal_number(const std::optional<std::string>& text);

}  // namespace msb::runtime
