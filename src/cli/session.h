#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "cli/abi.h"
#include "cli/json.h"
#include "cli/progress.h"
#include "cli/streams.h"

namespace msbctl {

/// What the options say that many commands share. The parser fills it.
struct Settings {
  std::string home;        ///< empty for $MSB_HOME, else ~/.microsandbox
  std::string release;     ///< of microsandbox, that a new home is made for; empty for the default
  uint32_t log_level = 0;  ///< MSB_LOG_…; 0 for none
  std::string format;      ///< `json`, or empty for people
  bool bytes = false;
  bool quiet = false;
};

/// One run of the program: its settings and streams, the client and the control of the calls it makes.
class Session {
 public:
  Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  Settings settings;
  Streams streams;

  /// The client, opened at the first use.
  msb_client* client();
  /// The same, but nothing is created or changed.
  msb_client* existing_client();
  /// Where the home is, and how the library is to open it.
  msb_client_opts client_opts();
  /// Control for the next call: it can be interrupted, and shows progress unless --quiet; elsewhere than on a terminal
  /// only its milestones, and none with JSON.
  const msb_call* call();
  /// Seconds since call() was last asked for.
  double seconds() const;

  bool json() const { return settings.format == "json"; }
  /// A size as the user wants to see it.
  std::string size(uint64_t bytes) const;
  void print(const Json& value) { streams.print(value.text()); }
  /// The mark of something done, or not done, unless --quiet or JSON was asked for. What was printed stands before it.
  void tick(bool good, std::string_view verb, std::string_view target);
  /// A line on standard error after what was printed, unless --quiet or JSON was asked for.
  void notice(std::string_view line);
  /// Tells why the command failed: in words, or as JSON on standard error when that was asked for.
  void report(const Failure& failure);

 private:
  void open(uint32_t flags);
  static void on_progress(const msb_progress* event, void* session);
  static void on_log(uint32_t level, const char* target, const char* message, void* session);
  static void on_warning(uint32_t level, const char* target, const char* message, void* session);

  Handle<msb_client> client_;
  msb_cancel* cancel_;  // never given back: the signal handler may use it until the process is gone
  msb_call call_ = MSB_CALL_INIT;
  Progress progress_;
  Progress::Clock::time_point call_start_{};
};

/// A failure as a member of JSON output: kind, message and hint.
Json failure_json(const Failure& failure);

}  // namespace msbctl
