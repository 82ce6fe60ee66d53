#include "runtime/guest_message.h"

#include <array>
#include <utility>

#include "base/number.h"

namespace msb::runtime {
namespace {

using Kind = GuestMessage::Kind;

constexpr auto kWords = std::to_array<std::pair<std::string_view, Kind>>({
    {"hello", Kind::hello},
    {"ready", Kind::ready},
    {"fail", Kind::fail},
    {"note", Kind::note},
    {"exit", Kind::exit},
    {"signal", Kind::signal},
    {"clean", Kind::clean},
    {"dirty", Kind::dirty},
});

std::string_view take_word(std::string_view& line) {
  const size_t end = std::min(line.find(' '), line.size());
  const std::string_view word = line.substr(0, end);
  line.remove_prefix(std::min(end + 1, line.size()));
  return word;
}

template <typename T>
bool take_number(std::string_view& line, T& number) {
  const auto taken = parse_number<T>(take_word(line));
  if (taken) number = *taken;
  return taken.has_value();
}

}  // namespace

std::string printable(std::string_view text) {
  std::string clean(text.substr(0, text.find_first_of("\r\n")));
  for (char& c : clean) {
    if (c < ' ' || c > '~') c = '?';
  }
  return clean;
}

std::optional<GuestMessage> parse_guest_message(std::string_view line) {
  const std::string_view word = take_word(line);
  for (const auto& [known, kind] : kWords) {
    if (known != word) continue;
    GuestMessage message;
    message.kind = kind;
    const bool ends = kind == Kind::exit || kind == Kind::signal;
    if (ends || kind == Kind::fail) {
      if (!take_number(line, message.number) || message.number < 0 || message.number > 255) return std::nullopt;
    }
    if (ends && !(take_number(line, message.out) && take_number(line, message.err))) return std::nullopt;
    if (kind == Kind::fail || kind == Kind::note) {
      message.text = printable(line);
      return message;
    }
    if (!line.empty()) return std::nullopt;
    return message;
  }
  return std::nullopt;
}

void GuestReader::feed(std::string_view bytes, const std::function<void(const GuestMessage&)>& each) {
  for (const char c : bytes) {
    if (c != '\n') {
      too_long_ = too_long_ || line_.size() == kMaxGuestLine;
      if (!too_long_) line_.push_back(c);
      continue;
    }
    const auto message = too_long_ ? std::nullopt : parse_guest_message(line_);
    line_.clear();
    too_long_ = false;
    if (message) each(*message);
  }
}

}  // namespace msb::runtime
