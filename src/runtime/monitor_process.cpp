#include "runtime/monitor_process.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <csignal>

#include <sys/socket.h>
#include <sys/wait.h>

#include "os/dir.h"
#include "os/spawn.h"
#include "runtime/host.h"

namespace msb::runtime {
namespace {

constexpr std::chrono::milliseconds kLook{20};
constexpr size_t kMaxLine = 8192;
// How lines of a monitor begin.
constexpr std::string_view kHere = "here ";
constexpr std::string_view kFail = "fail ";

/// The failure that a line of failure_line() tells.
std::optional<Error> parse_failure(std::string_view line) {
  if (!line.starts_with(kFail)) return std::nullopt;
  line.remove_prefix(kFail.size());
  int numbers[2] = {};  // status, exit code
  for (int& number : numbers) {
    const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), number);
    if (error != std::errc() || end == line.data() + line.size() || *end != ' ') return std::nullopt;
    line.remove_prefix(static_cast<size_t>(end - line.data()) + 1);
  }
  if (find_status(static_cast<Status>(numbers[0])) == nullptr) return std::nullopt;
  Error failure(static_cast<Status>(numbers[0]), line);
  if (numbers[1] == 0) return failure;
  return std::move(failure).with(kExitCode, std::to_string(numbers[1]));
}

/// A duplicate that lies above the numbers that a monitor expects things at.
Result<os::Fd> above(int fd) {
  constexpr int kAbove = 10;
  const int copy = ::fcntl(fd, F_DUPFD_CLOEXEC, kAbove);
  if (copy < 0) return Error::io("cannot duplicate", "a descriptor", errno);
  return os::Fd(copy);
}

}  // namespace

Result<MonitorProcess> MonitorProcess::start(const Machine& machine, int lock, const Call& call) {
  MSB_TRY(const std::string program, find_helper(kMonitor));
  MSB_TRY(const std::string description, encode_records(to_records(machine)));
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0) {
    return Error::io("cannot make", "a channel to the monitor", errno);
  }
  MonitorProcess monitor{os::Fd(os::above_standard(ends[0]))};
  const os::Fd theirs(os::above_standard(ends[1]));
  if (!monitor.socket_ || !theirs) return Error::io("cannot make", "a channel to the monitor", EMFILE);
  ::fcntl(theirs.get(), F_SETFL, 0);
  MSB_TRY(const os::Fd socket, above(theirs.get()));
  MSB_TRY(const os::Fd held, above(lock));
  {
    os::Spawn spawn;
    spawn.lead_session();
    spawn.open(0, "/dev/null", O_RDONLY);
    spawn.open(1, os::join_path(machine.directory, kMonitorLog), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW);
    spawn.pass(1, 2);
    spawn.pass(socket.get(), kMonitorSocket);
    spawn.pass(held.get(), kMonitorLock);
    MSB_TRY(const pid_t child, spawn.run(program, {program, machine.name}, os::basic_environment()));
    // It goes on in a child of its own, so that nobody has to wait for it.
    while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) continue;
  }
  MSB_CHECK(monitor.send(description, call));
  MSB_CHECK(monitor.send(machine.request, call));
  MSB_TRY(const std::string line, monitor.read_line(call));
  if (!line.starts_with(kHere)) return Error(Status::internal, "the monitor says: " + line);
  std::from_chars(line.data() + kHere.size(), line.data() + line.size(), monitor.pid_);
  return monitor;
}

MonitorProcess& MonitorProcess::operator=(MonitorProcess&& other) noexcept {
  if (this == &other) return *this;
  hang_up();
  socket_ = std::move(other.socket_);
  birthplace_ = other.birthplace_;
  received_ = std::move(other.received_);
  pid_ = other.pid_;
  return *this;
}

/// A child that was forked meanwhile has the socket too, so that closing it alone says nothing.
void MonitorProcess::hang_up() noexcept {
  if (socket_ && birthplace_.is_here()) ::shutdown(socket_.get(), SHUT_WR);
}

Done MonitorProcess::go(const Call& call) {
  MSB_CHECK(send(kGoLine, call));
  MSB_TRY(const std::string line, read_line(call));
  if (line + '\n' == kReadyLine) return {};
  return Error(Status::internal, "the monitor says: " + line);
}

Done MonitorProcess::let_go(const Call& call) { return send(kLeaveLine, call); }

Done MonitorProcess::hurry(const Call& call) { return send(kHurryLine, call); }

/// Failures that it sends come back as such.
Result<std::string> MonitorProcess::read_line(const Call& call) {
  for (;;) {
    if (const size_t end = received_.find('\n'); end != std::string::npos) {
      std::string line = received_.substr(0, end);
      received_.erase(0, end + 1);
      if (auto failure = parse_failure(line)) return *std::move(failure);
      return line;
    }
    MSB_CHECK(call.check());
    pollfd wait{socket_.get(), POLLIN, 0};
    if (::poll(&wait, 1, static_cast<int>(kLook.count())) <= 0) continue;
    char buffer[1024];
    const ssize_t got = ::read(socket_.get(), buffer, sizeof buffer);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (got <= 0 || received_.size() > kMaxLine) {
      return Error(Status::internal, "the monitor of the sandbox has ended without a word; see its logs");
    }
    received_.append(buffer, static_cast<size_t>(got));
  }
}

Done MonitorProcess::send(std::string_view bytes, const Call& call) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent > 0) {
      bytes.remove_prefix(static_cast<size_t>(sent));
    } else if (errno == EAGAIN || errno == EINTR) {
      MSB_CHECK(call.pause(kLook));
    } else if (errno == EPIPE || errno == ECONNRESET) {
      return {};  // what it had to say is read next
    } else {
      return Error::io("cannot write to", "the monitor", errno);
    }
  }
  return {};
}

std::string here_line(pid_t pid) { return std::string(kHere) + std::to_string(pid) + '\n'; }

std::string failure_line(const Error& error) {
  // The reader puts the lead-in of the kind before it again.
  std::string text = error.message();
  if (const StatusRow* row = find_status(error.status()); row != nullptr && !row->lead_in.empty()) {
    const std::string lead = std::string(row->lead_in) + ": ";
    if (text.starts_with(lead)) text.erase(0, lead.size());
  }
  for (char& c : text) {
    if (c == '\n') c = ' ';
  }
  text.resize(std::min(text.size(), kMaxLine / 2));
  const std::string* code = error.fact(kExitCode);
  return std::string(kFail) + std::to_string(static_cast<int32_t>(error.status())) + ' ' +
         (code != nullptr ? *code : "0") + ' ' + text + '\n';
}

}  // namespace msb::runtime
