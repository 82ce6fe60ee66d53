#include "runtime/control.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <vector>

#include <sys/syscall.h>

#include "os/dir.h"
#include "os/fd.h"
#include "os/file.h"
#include "runtime/await_end.h"
#include "sandbox/directory.h"
#include "sandbox/locks.h"
#include "sandbox/observe.h"
#include "sandbox/registry.h"

namespace msb::runtime {
namespace {

constexpr size_t kPiece = size_t{64} << 10;

const char* log_name(Source source) {
  switch (source) {
    case Source::out:
      return kStdoutLog;
    case Source::err:
      return kStderrLog;
    case Source::console:
      return kConsoleLog;
    default:
      return kQemuLog;
  }
}

Error not_running(const std::string& name) { return Error(Status::sandbox_not_running, name).with("name", name); }

Error not_ours(const std::string& name) {
  return Error(Status::busy, "sandbox " + name + " is run by another program; stop it there").with("name", name);
}

/// Sends a signal to the monitor of a sandbox, and to no other process that has got its number. False when it has gone.
Result<bool> signal_monitor(const image::Context& context, const std::string& name, int signal, const Call& call) {
  MSB_TRY(const auto before, sandbox::observe(context, name, sandbox::Lifecycle::free, call));
  if (!is_live(before.sandbox.status) || !before.record.run) return false;
  const auto pid = static_cast<pid_t>(before.record.run->pid.value_or(0));
  if (pid <= 0) return false;
  const os::Fd process(os::above_standard(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))));
  if (!process) return false;
  // The number was the monitor's when this was taken if the record and the lock still say so afterwards.
  MSB_TRY(const auto after, sandbox::observe(context, name, sandbox::Lifecycle::free, call));
  const bool same = after.record.run && after.record.run->id == before.record.run->id &&
                    after.record.run->pid == before.record.run->pid && is_live(after.sandbox.status);
  if (!same || !sandbox::is_lifecycle_locked(context, name)) return false;
  if (::syscall(SYS_pidfd_send_signal, process.get(), signal, nullptr, 0) == 0) return true;
  if (errno == ESRCH) return false;
  return Error::io("cannot signal", "the monitor of " + name, errno);
}

/// Reads a log from where it was left.
class Follower {
 public:
  Follower(const image::Context& context, const std::string& name, Source source)
      : fs_(context.fs),
        path_(os::join_path(sandbox::directory_of(context, name), log_name(source))),
        source_(source),
        buffer_(kPiece) {}

  void pass_on(const OutputSink& sink) {
    if (!file_) {
      auto opened = os::File::open_regular(fs_, AT_FDCWD, path_);
      if (!opened) return;
      file_ = std::move(*opened);
    }
    for (;;) {
      const auto got = file_.read_at(buffer_, offset_);
      if (!got || *got == 0) return;
      offset_ += *got;
      sink(source_, as_text(Bytes(buffer_).first(*got)));
    }
  }

 private:
  os::Fs& fs_;
  const std::string path_;
  const Source source_;
  std::vector<std::byte> buffer_;
  os::File file_;
  uint64_t offset_ = 0;
};

Outcome outcome_of(const image::Context& context, const std::string& name) {
  auto outcome = read_outcome(context.fs, sandbox::directory_of(context, name));
  if (outcome) return *std::move(outcome);
  Outcome lost;
  lost.message = "its monitor has died";
  return lost;
}

/// Ends a machine that runs: by itself within `limit`, or else the hard way.
Done end_machine(const image::Context& context, const std::string& name, std::chrono::milliseconds limit,
                 const Call& call, const std::function<void()>& meanwhile = {}) {
  constexpr std::chrono::milliseconds kHardLimit{15'000};
  if (limit.count() > 0) {
    MSB_TRY(const bool asked, signal_monitor(context, name, SIGTERM, call));
    if (asked) {
      MSB_TRY(const bool ended, await_end(context, name, limit, call, meanwhile));
      if (ended) return {};
    }
  }
  MSB_TRY(const bool told, signal_monitor(context, name, SIGINT, call));
  MSB_TRY(const bool ended, await_end(context, name, kHardLimit, call, meanwhile));
  if (ended) return {};
  return told ? Error(Status::busy, "sandbox " + name + " does not end").with("name", name) : not_ours(name);
}

}  // namespace

Done stop(const image::Context& context, const std::string& name, std::chrono::milliseconds limit, const Call& call) {
  MSB_TRY(const auto sandbox, sandbox::get(context, name, call));
  if (!is_live(sandbox.status)) return not_running(name);
  if (sandbox.status == sandbox::Status::paused) warn_of_pause(context, name);
  return end_machine(context, name, limit, call);
}

Done request_stop(const image::Context& context, const std::string& name, bool at_once, const Call& call) {
  MSB_TRY(const bool told, signal_monitor(context, name, at_once ? SIGINT : SIGTERM, call));
  if (told) return {};
  MSB_TRY(const auto sandbox, sandbox::get(context, name, call));
  return is_live(sandbox.status) ? not_ours(name) : not_running(name);
}

Result<Outcome> wait(const image::Context& context, const std::string& name, const Call& call) {
  MSB_TRY(const auto sandbox, sandbox::get(context, name, call));
  if (is_live(sandbox.status)) {
    MSB_CHECK(await_end(context, name, std::nullopt, call));
  } else if (sandbox.status != sandbox::Status::crashed &&
             !read_outcome(context.fs, sandbox::directory_of(context, name))) {
    return not_running(name);
  }
  return outcome_of(context, name);
}

Result<Outcome> run(const image::Context& context, const std::string& name, const StartRequest& request,
                    const OutputSink& sink, const Call& call) {
  MSB_TRY(MonitorProcess monitor, start_bound(context, name, request, call));
  Follower out(context, name, Source::out);
  Follower err(context, name, Source::err);
  const auto pass_on = [&] {
    out.pass_on(sink);
    err.pass_on(sink);
  };
  if (auto ended = await_end(context, name, std::nullopt, call, pass_on); !ended) {
    const Call own;
    static_cast<void>(monitor.hurry(own));  // who does not wait for the clean end either wants none
    if (auto stopped = end_machine(context, name, request.stop_limit, own, pass_on); !stopped) {
      context.log.warn("runtime", stopped.error().message());
    }
    pass_on();
    return std::move(ended).error();
  }
  pass_on();
  return outcome_of(context, name);
}

Result<std::string> read_log(const image::Context& context, const std::string& name, Source source, uint64_t most,
                             const Call& call) {
  MSB_TRY(const auto sandbox, sandbox::get(context, name, call));
  const std::string path = os::join_path(sandbox::directory_of(context, sandbox.name), log_name(source));
  auto file = os::File::open_regular(context.fs, AT_FDCWD, path);
  if (!file && file.error().os_code() == ENOENT) return std::string();
  if (!file) return std::move(file).error();
  MSB_TRY(const uint64_t size, file->size());
  std::string text(static_cast<size_t>(std::min(size, most)), '\0');
  MSB_TRY(const size_t got, file->read_at(std::as_writable_bytes(std::span(text)), size - text.size()));
  text.resize(got);
  return text;
}

}  // namespace msb::runtime
