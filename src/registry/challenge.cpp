#include "registry/challenge.h"

#include <algorithm>

namespace msb::registry {
namespace {

constexpr size_t kMaxHeader = 8192;
constexpr size_t kMaxChallenges = 16;
constexpr size_t kMaxParameters = 32;

bool is_token_char(char c) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         kMarks.find(c) != std::string_view::npos;
}

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return result;
}

Error malformed(const char* what) {
  return Error(Status::http, std::string("the WWW-Authenticate header of the registry ") + what);
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<std::vector<Challenge>> parse() {
    std::vector<Challenge> challenges;
    while (true) {
      skip(" \t,");
      if (text_.empty()) break;
      const std::string_view word = token();
      if (word.empty()) return malformed("has a character out of place");
      if (challenges.size() == kMaxChallenges) return malformed("lists too many schemes");
      challenges.push_back({lower(word), {}});
      MSB_CHECK(parameters(challenges.back()));
    }
    if (challenges.empty()) return malformed("is empty");
    return challenges;
  }

 private:
  /// `name=value` pairs up to the next scheme, which is a word without `=`. What is no pair but has no spaces either is
  /// the older `token68` form; nobody here needs what it says.
  Done parameters(Challenge& challenge) {
    while (true) {
      skip(" \t,");
      const std::string_view before = text_;
      const std::string_view name = token();
      skip(" \t");
      if (name.empty() || text_.empty() || text_.front() != '=') {
        text_ = before;
        return {};
      }
      text_.remove_prefix(1);
      skip(" \t");
      MSB_TRY(std::string value, this->value());
      if (challenge.parameters.size() == kMaxParameters) return malformed("has too many parameters");
      if (challenge.find(lower(name)) != nullptr) return malformed("says something twice");
      challenge.parameters.emplace_back(lower(name), std::move(value));
    }
  }

  Result<std::string> value() {
    if (text_.empty() || text_.front() != '"') return std::string(token());
    text_.remove_prefix(1);
    std::string value;
    while (!text_.empty()) {
      char c = text_.front();
      text_.remove_prefix(1);
      if (c == '"') return value;
      if (c == '\\') {
        if (text_.empty()) break;
        c = text_.front();
        text_.remove_prefix(1);
      }
      const auto byte = static_cast<unsigned char>(c);
      if (byte < ' ' || byte == 0x7F) return malformed("has a control character");
      value += c;
    }
    return malformed("has a quotation without an end");
  }

  std::string_view token() {
    const auto end = std::find_if_not(text_.begin(), text_.end(), is_token_char);
    const auto size = static_cast<size_t>(end - text_.begin());
    const std::string_view word = text_.substr(0, size);
    text_.remove_prefix(size);
    return word;
  }

  void skip(std::string_view what) { text_.remove_prefix(std::min(text_.find_first_not_of(what), text_.size())); }

  std::string_view text_;
};

}  // namespace

const std::string* Challenge::find(std::string_view name) const {
  const auto found =
      std::find_if(parameters.begin(), parameters.end(), [&](const auto& pair) { return pair.first == name; });
  return found == parameters.end() ? nullptr : &found->second;
}

Result<std::vector<Challenge>> parse_challenges(std::string_view header) {
  if (header.size() > kMaxHeader) return malformed("is too long");
  return Parser(header).parse();
}

}  // namespace msb::registry
