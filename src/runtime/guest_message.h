#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace msb::runtime {

/// What a guest says on its control port (FORMAT.md). Whoever is root in the guest can say anything there, so it is
/// believed about the guest only.
struct GuestMessage {
  enum class Kind { hello, ready, fail, note, exit, signal, clean, dirty };
  Kind kind = Kind::hello;
  std::string text;  ///< of fail and note, printable
  int number = 0;    ///< exit code, or number of the signal; with fail what a shell would end with, 0 for nothing
  uint64_t out = 0;  ///< bytes that the command wrote, with exit and signal
  uint64_t err = 0;
};

/// The first line, with a question mark for what is not printable ASCII.
std::string printable(std::string_view text);

inline constexpr size_t kMaxGuestLine = 512;

/// Nothing for a line that is none of these.
std::optional<GuestMessage> parse_guest_message(std::string_view line);

/// Cuts what arrives into messages. A line that is too long and lines that mean nothing are dropped.
class GuestReader {
 public:
  void feed(std::string_view bytes, const std::function<void(const GuestMessage&)>& each);

 private:
  std::string line_;
  bool too_long_ = false;
};

}  // namespace msb::runtime
