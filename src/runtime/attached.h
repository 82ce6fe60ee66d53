#pragma once

#include <map>
#include <mutex>
#include <string>

#include "runtime/monitor_process.h"

namespace msb::runtime {

/// Machines that end with whoever has this: they are bound to the sockets in it. Any thread may use it.
class Attached {
 public:
  /// Takes in the machine of a sandbox, whose last one has ended.
  void keep(const std::string& sandbox, MonitorProcess monitor);
  /// Lets the machine of a sandbox go on by itself.
  /// @retval Status::sandbox_not_running  none is here
  Done let_go(const std::string& sandbox, const Call& call);
  /// Ends the machine of a sandbox, if it has not ended, and does not wait for that.
  void drop(const std::string& sandbox);
  void drop_all();

 private:
  std::mutex mutex_;
  std::map<std::string, MonitorProcess> machines_;
};

}  // namespace msb::runtime
