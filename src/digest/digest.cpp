#include "digest/digest.h"

#include <algorithm>
#include <array>
#include <utility>

#include "digest/sha256.h"

namespace msb {
namespace {

constexpr std::array<std::pair<std::string_view, size_t>, 3> kHexLengths = {
    {{"sha256", 64}, {"sha512", 128}, {"blake3", 64}}};

bool is_lower_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }
bool is_lower_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }
bool is_encoded(char c) { return is_lower_or_digit(c) || (c >= 'A' && c <= 'Z') || c == '=' || c == '_' || c == '-'; }
bool is_separator(char c) { return c == '+' || c == '.' || c == '_' || c == '-'; }

// Components of lower-case letters and digits, with one separator between two of them.
bool is_algorithm(std::string_view text) {
  bool inside = false;
  for (const char c : text) {
    if (!is_lower_or_digit(c) && !(inside && is_separator(c))) return false;
    inside = is_lower_or_digit(c);
  }
  return inside;
}

// The reason why `text` is no digest, or null.
const char* fault_of(std::string_view text, size_t colon) {
  if (text.size() > Digest::kMaxLength) return "it is too long";
  if (colon == std::string_view::npos) return "expected <algorithm>:<hex>";
  const std::string_view algorithm = text.substr(0, colon);
  const std::string_view encoded = text.substr(colon + 1);
  if (!is_algorithm(algorithm)) return "the algorithm is malformed";
  const auto known =
      std::find_if(kHexLengths.begin(), kHexLengths.end(), [&](const auto& entry) { return entry.first == algorithm; });
  if (known == kHexLengths.end()) {
    return !encoded.empty() && std::all_of(encoded.begin(), encoded.end(), is_encoded) ? nullptr
                                                                                       : "the value is malformed";
  }
  if (encoded.size() != known->second) return "the value has the wrong length";
  return std::all_of(encoded.begin(), encoded.end(), is_lower_hex) ? nullptr : "expected lower-case hex";
}

}  // namespace

Result<Digest> Digest::parse(std::string_view text) {
  const size_t colon = text.find(':');
  if (const char* fault = fault_of(text, colon)) {
    const std::string shown(text.substr(0, kMaxLength));
    return Error(Status::invalid_argument, "malformed digest '" + shown + "': " + fault).with("digest", shown);
  }
  return Digest(std::string(text), colon);
}

Digest Digest::of(std::string_view algorithm, Bytes value) {
  std::string text(algorithm);
  text += ':';
  text += to_hex(value);
  return {std::move(text), algorithm.size()};
}

Digest Digest::sha256_of(Bytes bytes) {
  Sha256 hash;
  hash.update(bytes);
  return hash.digest();
}

std::string Digest::safe_name() const {
  std::string name = text_;
  // The grammar leaves no other byte that a file name could not hold.
  if (!name.empty()) name[colon_] = '_';
  return name;
}

}  // namespace msb
