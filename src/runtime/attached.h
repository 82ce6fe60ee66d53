#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "os/fork.h"
#include "runtime/monitor_process.h"

namespace msb::runtime {

/// Machines that end with whoever has this: they are bound to the sockets in it. Any thread may use it. In a child made
/// by fork() none is here: they are the parent's, and end with it.
class Attached {
 public:
  Attached() = default;
  Attached(const Attached&) = delete;
  Attached& operator=(const Attached&) = delete;
  ~Attached();

  /// Takes in the machine of a sandbox, whose last one has ended. Ends it where it comes too late.
  void keep(const std::string& sandbox, MonitorProcess monitor);
  /// Lets the machine of a sandbox go on by itself.
  /// @retval Status::sandbox_not_running  none is here
  Done let_go(const std::string& sandbox, const Call& call);
  /// Ends the machine of a sandbox, if it has not ended, and does not wait for that.
  void drop(const std::string& sandbox);
  /// Ends all machines, and from here on those that are still taken in.
  void close();

 private:
  struct Kept {
    std::mutex mutex;
    bool closed = false;
    std::map<std::string, MonitorProcess> machines;
  };
  /// Those of this process.
  Kept& kept();

  uint64_t generation_ = os::process_generation();  // guarded by os::fork_mutex(), as which Kept there is
  std::unique_ptr<Kept> kept_ = std::make_unique<Kept>();
};

}  // namespace msb::runtime
