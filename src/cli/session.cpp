#include "cli/session.h"

#include <array>

#include "cli/interrupt.h"
#include "cli/text.h"

namespace msbctl {

Session::Session() : cancel_(ask<msb_cancel_new>().release()) { handle_interrupts(cancel_); }

msb_client* Session::client() {
  if (client_ == nullptr) open(0);
  return client_.get();
}

msb_client* Session::existing_client() {
  if (client_ == nullptr) open(MSB_CLIENT_READ_ONLY | MSB_CLIENT_NO_CREATE | MSB_CLIENT_NO_RECOVER);
  return client_.get();
}

msb_client_opts Session::client_opts() {
  msb_client_opts opts = MSB_CLIENT_OPTS_INIT;
  if (!settings.home.empty()) opts.home = settings.home.c_str();
  if (!settings.release.empty()) opts.new_home_release = settings.release.c_str();
  opts.log_level = settings.log_level;
  opts.on_log = settings.log_level != 0 ? on_log : on_warning;
  opts.log_user = this;
  return opts;
}

void Session::open(uint32_t flags) {
  msb_client_opts opts = client_opts();
  opts.flags = flags;
  client_ = ask<msb_client_open>(&opts);
}

const msb_call* Session::call() {
  call_.cancel = cancel_;
  if (!settings.quiet && (streams.err_is_terminal() || !json())) {
    call_.on_progress = on_progress;
    call_.user = this;
    call_.progress_interval_ms = 100;
  }
  progress_ = Progress();
  call_start_ = Progress::Clock::now();
  return &call_;
}

double Session::seconds() const { return std::chrono::duration<double>(Progress::Clock::now() - call_start_).count(); }

std::string Session::size(uint64_t bytes) const { return settings.bytes ? std::to_string(bytes) : human_size(bytes); }

void Session::tick(bool good, std::string_view verb, std::string_view target) {
  streams.flush();
  if (!settings.quiet && !json()) streams.tick(good, verb, target, seconds());
}

void Session::notice(std::string_view line) {
  streams.flush();
  if (!settings.quiet && !json()) streams.say(line);
}

void Session::report(const Failure& failure) {
  if (json()) {
    std::string text = Json::object({{"error", failure_json(failure)}}).text();
    text.pop_back();
    streams.say(text);
    return;
  }
  streams.say_error(failure.message());
  if (!failure.hint().empty()) streams.say_hint(failure.hint());
}

void Session::on_progress(const msb_progress* event, void* session) {
  auto* self = static_cast<Session*>(session);
  Streams& streams = self->streams;
  if (streams.err_is_terminal()) {
    const Streams::Size size = streams.size();
    streams.show_live(self->progress_.update(*event, Progress::Clock::now(), size.columns - 1, size.rows - 1));
  } else if (const std::string done = self->progress_.milestone(*event); !done.empty()) {
    streams.tick(true, "Fetched", done, 0);
  }
}

void Session::on_log(uint32_t level, const char* target, const char* message, void* session) {
  static constexpr std::array<const char*, 5> kNames{"", "error", "warn", "info", "debug"};
  const char* name = level < kNames.size() ? kNames[level] : "log";
  static_cast<Session*>(session)->streams.say(std::string("[") + name + "] " + target + ": " + printable(message));
}

/// What whoever waits for a machine must know, asked for or not.
void Session::on_warning(uint32_t, const char* target, const char* message, void* session) {
  if (std::string_view(target) != "machine") return;
  static_cast<Session*>(session)->streams.say("warning: " + printable(message));
}

Json failure_json(const Failure& failure) {
  return Json::object({{"kind", msb_status_tag(failure.status())},
                       {"message", failure.message()},
                       {"hint", failure.hint().empty() ? Json() : Json(failure.hint())}});
}

}  // namespace msbctl
