#include "os/process.h"

#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <system_error>

#include <sys/stat.h>

namespace msb::os {
namespace {

/// What is behind the name in /proc/PID/stat, from the state on; empty when /proc is hidden or the process is gone. A
/// name may hold anything, also ") Z", so it ends at the last parenthesis.
std::string read_stat(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const size_t end = text.rfind(')');
  return end == std::string::npos || end + 2 >= text.size() ? std::string() : text.substr(end + 2);
}

}  // namespace

bool process_alive(pid_t pid) {
  if (pid <= 0) return false;
  if (::kill(pid, 0) != 0 && errno == ESRCH) return false;
  const std::string stat = read_stat(pid);
  return stat.empty() || (stat[0] != 'Z' && stat[0] != 'X');  // where /proc is hidden the signal has to do
}

std::optional<UnixNanos> process_started(pid_t pid) {
  constexpr int kFieldsBefore = 19;  // of the state and the start
  std::istringstream fields(read_stat(pid));
  std::string skipped;
  for (int i = 0; i < kFieldsBefore; ++i) fields >> skipped;
  int64_t ticks = 0;
  struct timespec up {};
  if (!(fields >> ticks) || ::clock_gettime(CLOCK_BOOTTIME, &up) != 0) return std::nullopt;
  constexpr int64_t kSecond = 1'000'000'000;
  const int64_t since_boot = ticks * (kSecond / ::sysconf(_SC_CLK_TCK));
  return now_ns() - (up.tv_sec * kSecond + up.tv_nsec) + since_boot;
}

std::optional<bool> has_open(pid_t pid, dev_t device, ino_t inode) {
  const std::string path = "/proc/" + std::to_string(pid) + "/fd";
  std::error_code failed;
  std::filesystem::directory_iterator entries(path, failed);
  for (; !failed && entries != std::filesystem::directory_iterator(); entries.increment(failed)) {
    struct stat st {};
    if (::stat(entries->path().c_str(), &st) == 0 && st.st_dev == device && st.st_ino == inode) return true;
  }
  return failed ? std::nullopt : std::optional(false);
}

}  // namespace msb::os
