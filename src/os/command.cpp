#include "os/command.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <string_view>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "os/fd.h"
#include "os/spawn.h"

namespace msb::os {
namespace {

constexpr int kLookUpMs = 20;

/// The program on PATH. Relative directories there are passed over: they would make it depend on where we are.
Result<std::string> find_program(const std::string& name) {
  const char* variable = std::getenv("PATH");
  std::string_view path = variable != nullptr ? variable : "/usr/local/bin:/usr/bin:/bin";
  while (!path.empty() && name.find('/') == std::string::npos) {
    const size_t end = path.find(':');
    const std::string_view directory = path.substr(0, end);
    path.remove_prefix(end == std::string_view::npos ? path.size() : end + 1);
    if (!directory.starts_with('/')) continue;
    std::string candidate = std::string(directory) + '/' + name;
    struct stat st {};
    if (::stat(candidate.c_str(), &st) == 0 && S_ISREG(st.st_mode) && ::access(candidate.c_str(), X_OK) == 0) {
      return candidate;
    }
  }
  return Error::io("run", name, ENOENT);
}

/// A child that does not outlive the object.
class Child {
 public:
  explicit Child(pid_t pid) : pid_(pid) {}
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    static_cast<void>(wait(0));
  }

  /// Exit code, or -1 while it runs.
  int wait(int flags) {
    int status = 0;
    pid_t ended = 0;
    do {
      ended = ::waitpid(pid_, &status, flags);
    } while (ended < 0 && errno == EINTR);
    if (ended == 0) return -1;
    pid_ = -1;
    if (ended < 0) return 0;  // the process ignores SIGCHLD: nobody will ever know
    constexpr int kSignalled = 128;
    return WIFEXITED(status) ? WEXITSTATUS(status) : kSignalled + WTERMSIG(status);
  }

 private:
  pid_t pid_;
};

/// Sends `input` and receives until the other side closes.
Result<std::string> converse(int fd, std::string_view input, const std::string& name, const CommandLimits& limits,
                             const Call& call) {
  const auto end = Call::Clock::now() + limits.time;
  std::string output;
  if (input.empty()) ::shutdown(fd, SHUT_WR);
  while (true) {
    MSB_CHECK(call.check());
    call.deliver();
    if (Call::Clock::now() >= end) return Error::io("wait for", name, ETIMEDOUT);
    pollfd wait{fd, static_cast<short>(input.empty() ? POLLIN : POLLIN | POLLOUT), 0};
    if (::poll(&wait, 1, kLookUpMs) <= 0) continue;
    if (!input.empty() && (wait.revents & POLLOUT) != 0) {
      const ssize_t sent = ::send(fd, input.data(), input.size(), MSG_NOSIGNAL);
      // One that does not want to hear may still have something to say.
      input.remove_prefix(sent > 0 ? static_cast<size_t>(sent) : errno == EAGAIN ? 0 : input.size());
      if (input.empty()) ::shutdown(fd, SHUT_WR);
    }
    if ((wait.revents & (POLLIN | POLLHUP | POLLERR)) == 0) continue;
    char buffer[4096];
    const ssize_t received = ::recv(fd, buffer, sizeof buffer, 0);
    if (received < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (received <= 0) return output;
    output.append(buffer, static_cast<size_t>(received));
    if (output.size() > limits.output) return Error::io("read the output of", name, EFBIG);
  }
}

}  // namespace

Result<CommandResult> run_command(const std::vector<std::string>& arguments, const std::string& input,
                                  const CommandLimits& limits, const Call& call) {
  const std::string& name = arguments.front();
  MSB_TRY(const std::string program, find_program(name));
  // A socket and not two pipes: writing to a program that has gone must not raise SIGPIPE in our caller's process.
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) return Error::io("run", program, errno);
  const Fd ours(above_standard(pair[0]));
  Fd theirs(above_standard(pair[1]));
  if (!ours || !theirs) return Error::io("run", program, EMFILE);
  ::fcntl(ours.get(), F_SETFL, O_NONBLOCK);
  Spawn spawn;
  spawn.pass(theirs.get(), STDIN_FILENO);
  spawn.pass(theirs.get(), STDOUT_FILENO);
  spawn.open(STDERR_FILENO, "/dev/null", O_WRONLY);
  spawn.keep_ignored_endings();
  // It is a program of the user's, and which variables it wants is its own affair.
  MSB_TRY(const pid_t pid, spawn.run(program, arguments, whole_environment()));
  Child child(pid);
  theirs.reset();

  CommandResult result;
  MSB_TRY(result.output, converse(ours.get(), input, name, limits, call));
  const auto end = Call::Clock::now() + limits.time;
  while (true) {
    const int code = child.wait(WNOHANG);
    if (code >= 0) {
      result.exit_code = code;
      return result;
    }
    if (Call::Clock::now() >= end) return Error::io("wait for", name, ETIMEDOUT);
    MSB_CHECK(call.pause(std::chrono::milliseconds(2)));
  }
}

}  // namespace msb::os
