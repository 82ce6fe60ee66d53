#include "os/process.h"

#include <cerrno>
#include <csignal>
#include <fstream>
#include <iterator>
#include <string>

namespace msb::os {

bool process_alive(pid_t pid) {
  if (pid <= 0) return false;
  if (::kill(pid, 0) != 0 && errno == ESRCH) return false;
  // "PID (name) STATE …": a name may hold anything, also ") Z", so the state is behind the last parenthesis.
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const size_t end = text.rfind(')');
  if (end == std::string::npos || end + 2 >= text.size()) return true;  // /proc is hidden: the signal has to do
  const char state = text[end + 2];
  return state != 'Z' && state != 'X';
}

}  // namespace msb::os
