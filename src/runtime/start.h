#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/call.h"
#include "image/context.h"
#include "runtime/machine.h"
#include "runtime/monitor_process.h"

namespace msb::runtime {

struct StartRequest {
  std::optional<std::vector<std::string>> command;               ///< instead of the image's entrypoint and command
  bool idle = false;                                             ///< run nothing; the machine stays until it is stopped
  std::vector<std::pair<std::string, std::string>> environment;  ///< added to what the sandbox has
  std::optional<std::string> directory, user, hostname;
  uint32_t memory_mib = 0;  ///< 0: as configured
  uint32_t cpus = 0;        ///< 0: as configured
  std::optional<std::string> kernel;
  Accelerator accelerator = Accelerator::automatic;
  std::chrono::milliseconds ready_timeout{0};  ///< 0: 60 s
  bool network = false;
  bool console = false;
  uint64_t output_limit = 0;                ///< 0: 8 MiB
  std::chrono::milliseconds stop_limit{0};  ///< time to end by itself, once whoever it is bound to has given it up
};

/// Boots a sandbox. Returns when its command runs (the process is there; what it does is its own affair). The machine
/// is then looked after by a process of its own, and outlives the caller. Stopped while it waits, it leaves the sandbox
/// stopped.
/// @retval Status::sandbox_not_found      no sandbox of that name
/// @retval Status::sandbox_still_running  it runs, or is being started or captured
/// @retval Status::invalid_config         it has no disk of its own
/// @retval Status::no_default_command     neither the request nor the image names a command
/// @retval Status::image_not_found, image_invalid  its image is not complete in the cache
/// @retval Status::exec_failed            the guest could not be set up, or it was stopped meanwhile, or the command
///                                        cannot be run, fact `exit_code`
/// @retval Status::exec_timeout           the guest was not ready in time
/// @retval Status::unsupported            no QEMU or no kernel, fact `package`; no KVM, and it was asked for; or the
///                                        client is read-only
Done start(const image::Context& context, const std::string& name, const StartRequest& request, const Call& call);

/// The same, but the machine ends with what is returned, and so with the caller if that dies.
Result<MonitorProcess> start_bound(const image::Context& context, const std::string& name, const StartRequest& request,
                                   const Call& call);

}  // namespace msb::runtime
