#include "cli/streams.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <sys/ioctl.h>
#include <sys/stat.h>

#include "cli/abi.h"
#include "cli/interrupt.h"
#include "cli/text.h"

namespace msbctl {
namespace {

constexpr std::string_view kRed = "\x1b[1;31m";
constexpr std::string_view kGreen = "\x1b[32m";
constexpr std::string_view kCyan = "\x1b[36m";
constexpr std::string_view kPlain = "\x1b[0m";
constexpr std::string_view kEraseLine = "\r\x1b[K";
constexpr std::string_view kEraseBelow = "\r\x1b[J";

/// False with errno when not all could be written.
bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = write(fd, text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return false;
    text.remove_prefix(static_cast<size_t>(count));
  }
  return true;
}

}  // namespace

Streams::Streams()
    : out_terminal_(isatty(STDOUT_FILENO) == 1), err_terminal_(isatty(STDERR_FILENO) == 1), no_colour_([] {
        const char* value = getenv("NO_COLOR");
        return value != nullptr && value[0] != '\0';
      }()) {}

bool Streams::out_is(const std::string& path) {
  struct stat out {};
  struct stat named {};
  return fstat(STDOUT_FILENO, &out) == 0 && stat(path.c_str(), &named) == 0 && out.st_dev == named.st_dev &&
         out.st_ino == named.st_ino;
}

void Streams::flush() {
  clear_live();
  const std::string text = std::move(out_);
  out_.clear();
  if (!write_all(STDOUT_FILENO, text) && errno != EPIPE) {
    throw Failure(MSB_ERR_IO, std::string("io error: cannot write to standard output: ") + strerror(errno));
  }
}

int Streams::pass_on(bool to_err, std::string_view bytes) {
  clear_live();
  return write_all(to_err ? STDERR_FILENO : STDOUT_FILENO, bytes) ? 0 : errno;
}

void Streams::say(std::string_view line) {
  clear_live();
  // Nothing is left to tell a problem to when standard error is gone.
  [[maybe_unused]] const bool written = write_all(STDERR_FILENO, std::string(line) + '\n');
}

void Streams::say_labelled(std::string_view colour, std::string_view label, std::string_view text) {
  say(coloured(colour, label) + ' ' + printable(text));
}

void Streams::say_error(std::string_view text) { say_labelled(kRed, "error:", text); }
void Streams::say_hint(std::string_view text) { say_labelled(kCyan, "hint:", text); }

std::string Streams::coloured(std::string_view colour, std::string_view text) const {
  if (!err_terminal_ || no_colour_) return std::string(text);
  return std::string(colour) + std::string(text) + std::string(kPlain);
}

void Streams::tick(bool good, std::string_view verb, std::string_view target, double seconds) {
  constexpr size_t kVerbWidth = 12;
  std::string line = "   " + (good ? coloured(kGreen, "✓") : coloured(kRed, "✗")) + ' ' + std::string(verb);
  line += std::string(verb.size() < kVerbWidth ? kVerbWidth - verb.size() : 0, ' ') + ' ' + printable(target);
  if (seconds > 0.5) {
    std::array<char, 32> time{};
    snprintf(time.data(), time.size(), " (%.1fs)", seconds);
    line += time.data();
  }
  say(line);
}

void Streams::show_live(std::string_view lines) {
  if (!err_terminal_ || (lines.empty() && live_ == 0)) return;
  if (interrupted_by() != 0) {
    live_ = 0;  // what the signal handler said stands below them
    return;
  }
  std::string text;
  if (live_ > 1) text = "\x1b[" + std::to_string(live_ - 1) + "A";
  text += live_ > 1 ? kEraseBelow : kEraseLine;
  live_ = lines.empty() ? 0 : static_cast<size_t>(std::count(lines.begin(), lines.end(), '\n')) + 1;
  [[maybe_unused]] const bool written = write_all(STDERR_FILENO, text + std::string(lines));
}

void Streams::clear_live() {
  if (live_ != 0) show_live({});
}

Streams::Size Streams::size() const {
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0) return {};
  return {size.ws_col, size.ws_row};
}

bool Streams::confirm(std::string_view question) {
  if (isatty(STDIN_FILENO) != 1) {
    throw Failure(MSB_ERR_INVALID_ARGUMENT, "there is no terminal to ask for confirmation", "pass --yes to go ahead");
  }
  clear_live();
  [[maybe_unused]] const bool asked = write_all(STDERR_FILENO, std::string(question) + " [y/N] ");
  // Looks up now and then: a signal that came just before the wait would not end it.
  pollfd input{STDIN_FILENO, POLLIN, 0};
  while (poll(&input, 1, 100) <= 0) {
    if (interrupted_by() != 0) throw Failure(MSB_ERR_CANCELLED, "cancelled");
  }
  std::array<char, 256> answer{};
  const ssize_t length = read(STDIN_FILENO, answer.data(), answer.size() - 1);
  const std::string_view text(answer.data(), static_cast<size_t>(std::max<ssize_t>(length, 0)));
  return text == "y\n" || text == "Y\n";
}

}  // namespace msbctl
