#include "runtime/monitor.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>

#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "os/dir.h"
#include "runtime/accelerator.h"
#include "runtime/guest_message.h"
#include "runtime/log_file.h"
#include "runtime/monitor_process.h"
#include "runtime/qemu_process.h"
#include "runtime/qmp.h"
#include "runtime/reserve.h"

namespace msb::runtime {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr uint64_t kConsoleLimit = uint64_t{1} << 20;
constexpr milliseconds kHardStop{3'000};        // from the order to stop at once to the end of QEMU
constexpr milliseconds kUnmountLimit{600'000};  // a guest may have much to write
constexpr milliseconds kLookForSpace{1'000};

uint64_t since(Clock::time_point start) {
  return static_cast<uint64_t>(std::chrono::duration_cast<milliseconds>(Clock::now() - start).count());
}

struct Logs {
  LogFile console, out, err;
  LogFile messages;
};

Result<Logs> open_logs(const Machine& machine) {
  auto& fs = os::real_fs();
  const auto create = [&](const char* name, uint64_t limit) {
    return LogFile::create(fs, os::join_path(machine.directory, name), limit);
  };
  MSB_TRY(LogFile console, create(kConsoleLog, kConsoleLimit));
  MSB_TRY(LogFile out, create(kStdoutLog, machine.output_limit));
  MSB_TRY(LogFile err, create(kStderrLog, machine.output_limit));
  MSB_TRY(LogFile messages, create(kQemuLog, kConsoleLimit));
  return Logs{std::move(console), std::move(out), std::move(err), std::move(messages)};
}

/// What a machine that has died says about it: its kernel's panic, else QEMU's messages, else the end of the console.
std::string last_words(const Machine& machine, const Logs& logs) {
  constexpr size_t kMost = 200;
  const auto console =
      os::read_small(os::real_fs(), AT_FDCWD, os::join_path(machine.directory, kConsoleLog), kConsoleLimit);
  const size_t panic = console ? console->find("Kernel panic") : std::string::npos;
  if (panic != std::string::npos) return printable(std::string_view(*console).substr(panic, kMost));
  return logs.messages.total() > 0 ? logs.messages.tail() : logs.console.tail();
}

/// One QEMU from its start to its end.
class Life {
 public:
  /// `instead`: the accelerator that comes first has run no guest.
  Life(const Machine& machine, const Surroundings& surroundings, Logs& logs, bool instead)
      : machine_(machine), surroundings_(surroundings), logs_(logs), instead_(instead) {}

  Result<Outcome> run(Accelerator accelerator, milliseconds first_word_limit);
  bool heard() const { return heard_; }
  bool asked() const { return asked_; }

 private:
  void listen();
  void read_from(os::Fd& fd, LogFile* log);
  void hear(const GuestMessage& message);
  void handle_signal();
  void handle_starter(bool ended);
  void read_from_qemu();
  void tell_qemu(std::string_view command) const;
  void hear_qemu(QmpNews news);
  void look_for_space();
  Clock::time_point next_wake() const { return full_ ? std::min(deadline_, next_look_) : deadline_; }
  void write_to_guest();
  void stop(bool at_once);
  void kill_machine(const std::string& why);
  void keep_time();
  bool over() const { return reaped_ && !qemu_.console && !qemu_.control && !qemu_.out && !qemu_.err; }
  Outcome outcome() const;

  const Machine& machine_;
  const Surroundings& surroundings_;
  Logs& logs_;
  const bool instead_;
  QemuProcess qemu_;
  GuestReader reader_;
  QmpReader qmp_;
  Reserve reserve_{machine_.directory};
  std::string to_guest_;
  Clock::time_point start_ = Clock::now();
  Clock::time_point deadline_ = Clock::time_point::max();
  std::string too_late_;  // why, once the deadline has passed
  Accelerator accelerator_ = Accelerator::tcg;
  uint64_t ready_ms_ = 0;
  bool reaped_ = false;
  bool heard_ = false, ready_ = false, left_ = false;
  bool asked_ = false, at_once_ = false;  // to stop
  bool late_ = false, dismissed_ = false;
  bool hurried_ = false;  // when its starter goes, it goes at once
  // The host has no room for what the guest writes: the machine stands still, but for a moment at each look.
  bool full_ = false, halted_ = false;
  Clock::time_point next_look_;
  std::optional<GuestMessage> end_, failure_;
  std::optional<bool> clean_;
  std::string killed_for_;
};

Result<Outcome> Life::run(Accelerator accelerator, milliseconds first_word_limit) {
  accelerator_ = accelerator;
  start_ = Clock::now();
  MSB_TRY(qemu_, start_qemu(machine_, accelerator, surroundings_.lock));
  deadline_ = start_ + first_word_limit;
  too_late_ = std::string("no guest has begun to run with ") + accelerator_name(accelerator) + " within " +
              std::to_string(first_word_limit.count()) + " ms";
  while (!over()) listen();
  return outcome();
}

void Life::listen() {
  const bool watched = !left_ && (!ready_ || machine_.bound);
  const int starter = watched ? surroundings_.starter : -1;
  const int starter_process = watched ? surroundings_.starter_process : -1;
  const auto fd_of = [](const os::Fd& fd) { return fd ? fd.get() : -1; };
  const auto control_events = static_cast<short>(to_guest_.empty() ? POLLIN : POLLIN | POLLOUT);
  pollfd events[] = {{surroundings_.signals, POLLIN, 0},
                     {starter, POLLIN, 0},
                     {fd_of(qemu_.control), control_events, 0},
                     {fd_of(qemu_.out), POLLIN, 0},
                     {fd_of(qemu_.err), POLLIN, 0},
                     {fd_of(qemu_.console), POLLIN, 0},
                     {fd_of(qemu_.messages), POLLIN, 0},
                     {fd_of(qemu_.monitor), POLLIN, 0},
                     {starter_process, POLLIN, 0}};
  int wait = -1;
  if (const auto wake = next_wake(); wake != Clock::time_point::max()) {
    const auto left = std::chrono::duration_cast<milliseconds>(wake - Clock::now()).count() + 1;
    wait = static_cast<int>(std::clamp<int64_t>(left, 0, 60'000));
  }
  if (::poll(events, std::size(events), wait) < 0) return;
  if (events[0].revents != 0) handle_signal();
  if (events[1].revents != 0 || events[8].revents != 0) handle_starter(events[8].revents != 0);
  if ((events[2].revents & POLLOUT) != 0) write_to_guest();
  if ((events[2].revents & ~POLLOUT) != 0) read_from(qemu_.control, nullptr);
  if (events[3].revents != 0) read_from(qemu_.out, &logs_.out);
  if (events[4].revents != 0) read_from(qemu_.err, &logs_.err);
  if (events[5].revents != 0) read_from(qemu_.console, &logs_.console);
  if (events[6].revents != 0) read_from(qemu_.messages, &logs_.messages);
  if (events[7].revents != 0) read_from_qemu();
  look_for_space();
  keep_time();
}

void Life::read_from_qemu() {
  char buffer[4096];
  const ssize_t got = ::read(qemu_.monitor.get(), buffer, sizeof buffer);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) {
    qemu_.monitor = os::Fd();
    return;
  }
  qmp_.feed(std::string_view(buffer, static_cast<size_t>(got)), [&](QmpNews news) { hear_qemu(news); });
}

void Life::tell_qemu(std::string_view command) const {
  static_cast<void>(::send(qemu_.monitor.get(), command.data(), command.size(), MSG_NOSIGNAL | MSG_DONTWAIT));
}

void Life::hear_qemu(QmpNews news) {
  switch (news) {
    case QmpNews::greeting:
      return tell_qemu(kQmpBegin);
    case QmpNews::stopped:
      halted_ = true;
      return;
    case QmpNews::resumed:
      halted_ = false;
      return;
    case QmpNews::no_space:
      if (full_) return;
      full_ = true;
      next_look_ = Clock::now() + kLookForSpace;
      reserve_.give_half();  // for these two
      logs_.messages.append("host: no space left for the disk of the machine; it is paused until there is some\n");
      if (ready_ && !asked_) surroundings_.record(sandbox::Status::paused);
  }
}

/// QEMU itself tries again what it could not write, and stops once more where there still is no space.
void Life::look_for_space() {
  if (!full_ || Clock::now() < next_look_) return;
  next_look_ = Clock::now() + kLookForSpace;
  if (halted_) return tell_qemu(kQmpContinue);
  full_ = false;
  reserve_.fill();
  logs_.messages.append("host: there is space for the disk of the machine again; it goes on\n");
  if (ready_ && !asked_) surroundings_.record(sandbox::Status::running);
  if (end_ && !at_once_) deadline_ = Clock::now() + kUnmountLimit;
}

void Life::read_from(os::Fd& fd, LogFile* log) {
  char buffer[65536];
  const ssize_t got = ::read(fd.get(), buffer, sizeof buffer);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) {
    fd = os::Fd();
    return;
  }
  const std::string_view bytes(buffer, static_cast<size_t>(got));
  if (log != nullptr) {
    log->append(bytes);
  } else {
    reader_.feed(bytes, [&](const GuestMessage& message) { hear(message); });
  }
}

void Life::hear(const GuestMessage& message) {
  using Kind = GuestMessage::Kind;
  switch (message.kind) {
    case Kind::hello:
      if (heard_) return;
      heard_ = true;
      if (instead_) remember_broken_kvm(machine_.accelerator_file);
      to_guest_ = machine_.request + to_guest_;
      deadline_ = start_ + machine_.ready_timeout;
      too_late_ = "the guest was not ready within " + std::to_string(machine_.ready_timeout.count()) + " ms";
      return;
    case Kind::ready:
      if (ready_) return;
      ready_ = true;
      ready_ms_ = since(start_);
      if (!at_once_) deadline_ = Clock::time_point::max();
      if (!asked_) surroundings_.record(sandbox::Status::running);
      if (!left_) {
        static_cast<void>(::send(surroundings_.starter, kReadyLine.data(), kReadyLine.size(), MSG_NOSIGNAL));
      }
      return;
    case Kind::fail:
      if (!failure_) failure_ = message;
      return;
    case Kind::exit:
    case Kind::signal:
      if (end_) return;
      end_ = message;
      if (!at_once_) deadline_ = Clock::now() + kUnmountLimit;
      too_late_ = "the guest did not finish writing";
      return;
    case Kind::clean:
    case Kind::dirty:
      clean_ = message.kind == Kind::clean;
      return;
    case Kind::note:
      logs_.messages.append("guest: " + message.text + '\n');
  }
}

void Life::handle_signal() {
  signalfd_siginfo signal{};
  if (::read(surroundings_.signals, &signal, sizeof signal) != sizeof signal) return;
  if (signal.ssi_signo != SIGCHLD) return stop(signal.ssi_signo == SIGINT);
  int status = 0;
  if (::waitpid(qemu_.pid, &status, WNOHANG) != qemu_.pid) return;
  reaped_ = true;
  full_ = false;
  reserve_.give_all();
  deadline_ = Clock::time_point::max();
}

/// Whoever started the machine lets it go, or has gone.
void Life::handle_starter(bool ended) {
  char word[16];
  const ssize_t got = ::recv(surroundings_.starter, word, sizeof word, MSG_DONTWAIT);
  if (got < 0 && (errno == EINTR || (errno == EAGAIN && !ended))) return;
  const std::string_view said(word, static_cast<size_t>(std::max<ssize_t>(got, 0)));
  if (said == kHurryLine) {
    hurried_ = true;
    return;
  }
  left_ = true;
  if (!ready_) {
    asked_ = true;
    return kill_machine("nobody waits for it any more");
  }
  if (end_ || said == kLeaveLine) return;
  const bool at_once = hurried_ || machine_.stop_limit.count() == 0;
  stop(at_once);
  if (at_once) return;
  deadline_ = std::min(deadline_, Clock::now() + machine_.stop_limit);
  too_late_ = "it did not stop in time";
}

void Life::stop(bool at_once) {
  if (!asked_) surroundings_.record(sandbox::Status::draining);
  asked_ = true;
  if (!heard_) return kill_machine("it was stopped while starting");
  to_guest_ += at_once ? "kill\n" : "stop\n";
  next_look_ = Clock::now();  // if there is space, it can still write
  if (!at_once) return;
  at_once_ = true;
  deadline_ = std::min(deadline_, Clock::now() + kHardStop);
  too_late_ = "it did not stop in time";
}

void Life::write_to_guest() {
  const ssize_t sent = ::send(qemu_.control.get(), to_guest_.data(), to_guest_.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent > 0) to_guest_.erase(0, static_cast<size_t>(sent));
}

void Life::kill_machine(const std::string& why) {
  if (reaped_ || !killed_for_.empty()) return;
  killed_for_ = why;
  if (full_) {
    killed_for_ += "; the host has no space left for its disk, and what the guest had not written there yet is lost";
    logs_.messages.append("host: the machine is ended: " + killed_for_ + '\n');
  }
  ::kill(qemu_.pid, SIGKILL);
}

void Life::keep_time() {
  if (full_ && ready_ && !asked_) return;  // the guest has no time meanwhile
  if (Clock::now() >= deadline_ && asked_ && !at_once_ && ready_ && !end_) {
    // The time to end by itself is over: the guest can still leave its disk as it should be.
    deadline_ = Clock::time_point::max();
    stop(true);
  } else if (Clock::now() >= deadline_) {
    late_ = !ready_;
    kill_machine(too_late_);
    deadline_ = Clock::time_point::max();
  }
  // The guest may end once all that it has said is here.
  if (dismissed_ || !clean_ || (!end_ && !failure_)) return;
  if (end_ && (logs_.out.total() < end_->out || logs_.err.total() < end_->err)) return;
  dismissed_ = true;
  to_guest_ += "bye\n";
}

Outcome Life::outcome() const {
  Outcome outcome;
  // Before its first word a guest is not told of any disk.
  outcome.clean = clean_.value_or(!heard_);
  outcome.out_bytes = logs_.out.total();
  outcome.err_bytes = logs_.err.total();
  outcome.accelerator = accelerator_;
  outcome.ready_ms = ready_ms_;
  outcome.total_ms = since(start_);
  if (end_) {
    outcome.end = end_->kind == GuestMessage::Kind::exit ? End::exited : End::signalled;
    outcome.number = end_->number;
    if (!outcome.clean) outcome.message = killed_for_;
  } else if (failure_) {
    outcome.end = End::failed;
    outcome.number = failure_->number;
    outcome.message = failure_->text;
  } else if (asked_) {
    outcome.end = End::killed;
    outcome.message = killed_for_;
  } else {
    outcome.end = heard_ ? End::lost : End::failed;
    outcome.late = late_;
    outcome.message = killed_for_.empty() ? "the machine has ended by itself" : killed_for_;
    if (const std::string said = last_words(machine_, logs_); !said.empty()) {
      outcome.message += "; its last words: " + said;
    }
  }
  return outcome;
}

}  // namespace

Result<os::Fd> watch_signals() {
  sigset_t wanted;
  sigemptyset(&wanted);
  for (const int signal : {SIGCHLD, SIGTERM, SIGINT}) sigaddset(&wanted, signal);
  ::sigprocmask(SIG_BLOCK, &wanted, nullptr);
  const int fd = ::signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK);
  if (fd < 0) return Error::io("cannot watch", "signals", errno);
  return os::Fd(fd);
}

Result<Outcome> supervise(const Machine& machine, const Surroundings& surroundings) {
  MSB_TRY(Logs logs, open_logs(machine));
  const auto choices = accelerators_to_try(machine);
  for (const Accelerator& choice : choices) {
    const bool last = &choice == &choices.back();
    Life life(machine, surroundings, logs, &choice != &choices.front());
    MSB_TRY(Outcome outcome,
            life.run(choice, last ? machine.ready_timeout : std::min(kTrialLimit, machine.ready_timeout)));
    if (last || life.heard() || life.asked()) return outcome;
  }
  return Error(Status::internal, "no accelerator was tried");
}

sandbox::Status status_after(const Outcome& outcome) {
  if (outcome.end == End::lost || (outcome.end == End::failed && !outcome.clean)) return sandbox::Status::crashed;
  return sandbox::Status::stopped;
}

}  // namespace msb::runtime
