#pragma once

#include <string>
#include <string_view>

#include <sys/types.h>

#include "base/call.h"
#include "os/fd.h"
#include "os/fork.h"
#include "runtime/machine.h"

namespace msb::runtime {

/// The other end of a process that runs a machine, while it starts. Dropped before the machine is ready, it ends the
/// machine.
class MonitorProcess {
 public:
  /// Starts a monitor, which waits for go(). It inherits the lock.
  static Result<MonitorProcess> start(const Machine& machine, int lock, const Call& call);
  MonitorProcess(MonitorProcess&&) noexcept = default;
  MonitorProcess& operator=(MonitorProcess&& other) noexcept;
  ~MonitorProcess() { hang_up(); }

  pid_t pid() const { return pid_; }
  /// Lets it begin, and waits for the guest. Fails with what it says.
  Done go(const Call& call);
  /// A machine that is bound to this goes on without it.
  Done let_go(const Call& call);
  /// For a machine that is bound, and told to stop: should this end before the machine has, it is ended at once.
  Done hurry(const Call& call);

 private:
  explicit MonitorProcess(os::Fd socket) : socket_(std::move(socket)) {}
  Result<std::string> read_line(const Call& call);
  Done send(std::string_view bytes, const Call& call);
  void hang_up() noexcept;

  os::Fd socket_;
  os::Birthplace birthplace_;
  std::string received_;
  pid_t pid_ = -1;
};

/// Fact of a failure: what a shell would end with where there is no such command, or none that can be run.
inline constexpr char kExitCode[] = "exit_code";

// The other side: lines that a monitor sends.
std::string here_line(pid_t pid);
std::string failure_line(const Error& error);
inline constexpr std::string_view kReadyLine = "ready\n";
inline constexpr std::string_view kGoLine = "go\n";
inline constexpr std::string_view kLeaveLine = "leave\n";
inline constexpr std::string_view kHurryLine = "hurry\n";
// Descriptors that it finds open.
inline constexpr int kMonitorSocket = 3;
inline constexpr int kMonitorLock = 4;

}  // namespace msb::runtime
