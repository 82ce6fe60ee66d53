#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <optional>
#include <string>

#include <sys/file.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "client/client.h"
#include "runtime/monitor.h"
#include "runtime/monitor_process.h"
#include "sandbox/registry.h"

// Runs one machine. Finds a socket to its starter and the lifecycle lock of the sandbox open, reads what to do from the
// socket, and from then on is nobody's child. Its end is the end of the machine.
namespace {

using namespace msb;

/// All of it, or nothing once the starter has gone.
std::optional<std::string> receive(size_t size) {
  std::string bytes(size, '\0');
  for (size_t at = 0; at < size;) {
    const ssize_t got = ::read(runtime::kMonitorSocket, bytes.data() + at, size - at);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return std::nullopt;
    at += static_cast<size_t>(got);
  }
  return bytes;
}

/// Records with their length before them.
std::optional<std::string> receive_records() {
  const auto head = receive(sizeof(uint32_t));
  if (!head) return std::nullopt;
  const auto size = load_le<uint32_t>(as_bytes(*head), 0);
  if (size > runtime::kMaxRecords) return std::nullopt;
  auto body = receive(size);
  if (!body) return std::nullopt;
  return *head + *body;
}

/// The process that made the socket. It answers what it is told after this, so its number was its own here.
os::Fd watch_starter() {
  ucred starter{};
  socklen_t size = sizeof starter;
  if (::getsockopt(runtime::kMonitorSocket, SOL_SOCKET, SO_PEERCRED, &starter, &size) != 0 || starter.pid <= 0)
    return {};
  return os::Fd(static_cast<int>(::syscall(SYS_pidfd_open, starter.pid, 0)));
}

void tell(const std::string& line) {
  static_cast<void>(::send(runtime::kMonitorSocket, line.data(), line.size(), MSG_NOSIGNAL));
}

Result<std::unique_ptr<client::Client>> open_home(const runtime::Machine& machine) {
  client::Options options;
  options.home = {machine.home, machine.cache, machine.snapshots, machine.sandboxes};
  options.create = false;
  options.recover = false;
  return client::Client::open(os::real_fs(), std::move(options), Call());
}

/// Why a machine that never got ready did not.
Error failure_of(const runtime::Machine& machine, const runtime::Outcome& outcome) {
  Error error(outcome.late ? Status::exec_timeout : Status::exec_failed, machine.name + ": " + outcome.message);
  const bool shell = outcome.end == runtime::End::failed && outcome.number > 0;
  return shell ? std::move(error).with(runtime::kExitCode, std::to_string(outcome.number)) : std::move(error);
}

/// The record must not stay live for want of a moment.
void record(const client::Client& home, const std::string& name, sandbox::Status status, pid_t pid) {
  const auto done = sandbox::set_status(home.context(), name, status, sandbox::is_live(status) ? pid : 0, Call());
  if (!done) std::fprintf(stderr, "%s\n", done.error().message().c_str());
}

/// The lifecycle lock, from the moment it is ours. Children of the starter that were forked beside the start have a
/// share in it, so closing it would not be enough.
struct HandedLock {
  HandedLock() = default;
  HandedLock(const HandedLock&) = delete;
  HandedLock& operator=(const HandedLock&) = delete;
  ~HandedLock() { ::flock(runtime::kMonitorLock, LOCK_UN); }
};

int look_after(const runtime::Machine& machine, int signals) {
  auto home = open_home(machine);
  if (!home) {
    tell(runtime::failure_line(home.error()));
    return 1;
  }
  const pid_t self = ::getpid();
  const os::Fd starter = watch_starter();
  tell(runtime::here_line(self));
  if (receive(runtime::kGoLine.size()) != runtime::kGoLine) return 0;

  bool ready = false;
  const auto live = [&](sandbox::Status status) {
    ready = ready || status == sandbox::Status::running;
    record(**home, machine.name, status, self);
  };
  const runtime::Surroundings surroundings{runtime::kMonitorSocket, starter.get(), runtime::kMonitorLock, signals,
                                           live};
  const HandedLock lock;
  auto outcome = runtime::supervise(machine, surroundings);
  if (!outcome) {
    record(**home, machine.name, sandbox::Status::crashed, self);
    tell(runtime::failure_line(outcome.error()));
    return 1;
  }
  if (const auto written = runtime::write_outcome(os::real_fs(), machine.directory, *outcome); !written) {
    std::fprintf(stderr, "%s\n", written.error().message().c_str());
  }
  record(**home, machine.name, runtime::status_after(*outcome), self);
  if (!ready) tell(runtime::failure_line(failure_of(machine, *outcome)));
  return 0;
}

}  // namespace

int main() {
  const pid_t child = ::fork();
  if (child != 0) return child < 0 ? 1 : 0;
  ::signal(SIGPIPE, SIG_IGN);
  const auto signals = runtime::watch_signals();
  const auto described = receive_records();
  const auto request = described ? receive_records() : std::nullopt;
  if (!request) {
    std::fputs("msb-monitor is started by libmicrosandbox, not by hand\n", stderr);
    return 2;
  }
  auto records = runtime::decode_records(described->substr(sizeof(uint32_t)));
  auto machine = records ? runtime::machine_of(*records) : std::move(records).error();
  if (!machine) {
    tell(runtime::failure_line(machine.error()));
    return 1;
  }
  if (!signals) {
    tell(runtime::failure_line(signals.error()));
    return 1;
  }
  machine->request = *request;
  return look_after(*machine, signals->get());
}
