#include "cli/interrupt.h"

#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <string_view>

namespace msbctl {
namespace {

std::atomic<msb_cancel*> cancel_token{nullptr};
std::atomic<int> received{0};
std::atomic<bool> on_terminal{false};

constexpr std::array kSignals{SIGINT, SIGTERM, SIGHUP};

bool is_ignored(int number) {
  struct sigaction now {};
  return sigaction(number, nullptr, &now) == 0 && now.sa_handler == SIG_IGN;
}

// Only what is safe in a signal handler.
void on_signal(int number) {
  const int saved = errno;
  received = number;
  for (const int each : kSignals) {
    if (!is_ignored(each)) signal(each, SIG_DFL);
  }
  msb_cancel_trigger(cancel_token);
  if (on_terminal) {
    constexpr std::string_view kNotice = "\ncancelling; once more ends at once\n";
    [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, kNotice.data(), kNotice.size());
  }
  errno = saved;
}

}  // namespace

void handle_interrupts(msb_cancel* token) {
  cancel_token = token;
  on_terminal = isatty(STDERR_FILENO) == 1;
  struct sigaction action {};
  action.sa_handler = on_signal;
  // No SA_RESTART: a prompt that waits for an answer must end too.
  for (const int number : kSignals) {
    if (!is_ignored(number)) sigaction(number, &action, nullptr);
  }
  signal(SIGPIPE, SIG_IGN);
}

int interrupted_by() { return received; }

}  // namespace msbctl
