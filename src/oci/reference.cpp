#include "oci/reference.h"

#include <algorithm>
#include <array>
#include <optional>

#include "digest/digest.h"

namespace msb::oci {
namespace {

constexpr size_t kMaxText = 4096;
constexpr size_t kMaxRepository = 255;
constexpr size_t kMaxTag = 128;

bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_alpha(char c) { return is_lower(c) || (c >= 'A' && c <= 'Z'); }
bool is_alnum(char c) { return is_alpha(c) || is_digit(c); }
bool is_lower_alnum(char c) { return is_lower(c) || is_digit(c); }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

template <typename Test>
bool all(std::string_view text, Test test) {
  return !text.empty() && std::all_of(text.begin(), text.end(), test);
}

/// Calls `test` for each piece between separators; true when all pass.
template <typename Test>
bool each_piece(std::string_view text, char separator, Test test) {
  for (;;) {
    const size_t end = text.find(separator);
    if (!test(text.substr(0, end))) return false;
    if (end == std::string_view::npos) return true;
    text.remove_prefix(end + 1);
  }
}

/// What may stand in brackets: an IPv6 address, without a zone.
bool is_address(std::string_view text) {
  return all(text, [](char c) { return is_hex(c) || c == ':'; }) && text.find(':') != std::string_view::npos;
}

bool is_domain(std::string_view text) {
  if (text.starts_with('[')) {
    const size_t end = text.find(']');
    if (end == std::string_view::npos || !is_address(text.substr(1, end - 1))) return false;
    const std::string_view port = text.substr(end + 1);
    return port.empty() || (port.front() == ':' && all(port.substr(1), is_digit));
  }
  if (const size_t colon = text.find(':'); colon != std::string_view::npos) {
    if (!all(text.substr(colon + 1), is_digit)) return false;
    text = text.substr(0, colon);
  }
  return each_piece(text, '.', [](std::string_view label) {
    return all(label, [](char c) { return is_alnum(c) || c == '-'; }) && label.front() != '-' && label.back() != '-';
  });
}

/// Lower-case letters and digits, with `.`, `_`, `__` or any number of `-` between them.
bool is_component(std::string_view text) {
  while (!text.empty()) {
    const auto word = static_cast<size_t>(std::find_if_not(text.begin(), text.end(), is_lower_alnum) - text.begin());
    if (word == 0) return false;
    text.remove_prefix(word);
    if (text.empty()) return true;
    const size_t next = std::min(text.find_first_not_of(text.front()), text.size());
    const size_t longest = text.front() == '.' ? 1 : text.front() == '_' ? 2 : text.front() == '-' ? text.size() : 0;
    if (next > longest) return false;
    text.remove_prefix(next);
  }
  return false;
}

std::optional<std::string> name_fault(std::string_view name) {
  if (name.empty()) return "repository name must have at least one component";
  const size_t slash = name.find('/');
  const std::string_view first = name.substr(0, slash);
  const bool domain = slash != std::string_view::npos && is_domain(first);
  const std::string_view path = domain ? name.substr(slash + 1) : name;
  std::optional<std::string> fault;
  each_piece(path, '/', [&](std::string_view component) {
    if (is_component(component)) return true;
    if (component.empty()) {
      fault = "repository name has an empty component";
    } else if (std::any_of(component.begin(), component.end(), [](char c) { return is_alpha(c) && !is_lower(c); })) {
      fault = "repository name must be lower case";
    } else {
      fault = "invalid reference format";
    }
    return false;
  });
  return fault;
}

bool is_tag(std::string_view text) {
  return all(text, [](char c) { return is_alnum(c) || c == '_' || c == '.' || c == '-'; }) && text.front() != '.' &&
         text.front() != '-' && text.size() <= kMaxTag;
}

bool is_algorithm(std::string_view text) {
  for (const char separator : std::to_array({'-', '_', '+', '.'})) {
    if (text.find(separator) == std::string_view::npos) continue;
    return each_piece(text, separator, is_algorithm);
  }
  return all(text, is_alnum) && is_alpha(text.front());
}

bool is_identifier(std::string_view text) {
  return text.size() == 64 && all(text, [](char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); });
}

std::optional<std::string> digest_fault(std::string_view text) {
  constexpr size_t kLeastHex = 32;
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos) return "invalid digest format";
  const std::string_view algorithm = text.substr(0, colon);
  const std::string_view hex = text.substr(colon + 1);
  if (!is_algorithm(algorithm) || !all(hex, is_hex) || hex.size() < kLeastHex) return "invalid digest format";
  const size_t length = algorithm == "sha256" ? 64 : algorithm == "sha384" ? 96 : algorithm == "sha512" ? 128 : 0;
  if (length == 0) return "unsupported digest algorithm";
  if (hex.size() != length) return "invalid checksum digest length";
  return std::nullopt;
}

Error invalid(std::string_view text, std::string_view why) {
  constexpr size_t kShown = 200;
  std::string shown(text.substr(0, kShown));
  if (text.size() > kShown) shown += "…";
  return Error(Status::invalid_argument, "invalid reference '" + shown + "': " + std::string(why)).with("name", shown);
}

}  // namespace

Result<Reference> Reference::parse(std::string_view text) {
  if (text.size() > kMaxText) return invalid(text, "it is too long");
  Reference reference;
  std::string_view name = text;
  if (const size_t at = name.find('@'); at != std::string_view::npos) {
    reference.digest_ = name.substr(at + 1);
    name = name.substr(0, at);
    if (const auto fault = digest_fault(reference.digest_)) return invalid(text, *fault);
  }
  const size_t colon = name.rfind(':');
  const size_t slash = name.rfind('/');
  if (colon != std::string_view::npos && (slash == std::string_view::npos || colon > slash)) {
    reference.tag_ = name.substr(colon + 1);
    name = name.substr(0, colon);
    if (!is_tag(reference.tag_)) return invalid(text, "invalid tag");
  } else if (reference.digest_.empty()) {
    reference.tag_ = "latest";
  }
  if (const auto fault = name_fault(name)) return invalid(text, *fault);
  // As the name of a repository it could not be told from the id of an image.
  if (is_identifier(name))
    return invalid(text, "a name may not be 64 hexadecimal digits; write sha256: before a digest");

  // What stands before the first slash is a registry only if it looks like a host.
  const size_t first = name.find('/');
  const std::string_view host = first == std::string_view::npos ? std::string_view() : name.substr(0, first);
  const bool upper = std::any_of(host.begin(), host.end(), [](char c) { return is_alpha(c) && !is_lower(c); });
  if (host.find_first_of(".:") != std::string_view::npos || host == "localhost" || upper) {
    reference.registry_ = host == "index.docker.io" ? "docker.io" : host;
    reference.repository_ = name.substr(first + 1);
  } else {
    reference.registry_ = "docker.io";
    reference.repository_ = name;
  }
  if (reference.registry_ == "docker.io" && reference.repository_.find('/') == std::string::npos) {
    reference.repository_.insert(0, "library/");
  }
  if (reference.repository_.size() > kMaxRepository) {
    return invalid(text, "repository name must not be more than 255 characters");
  }
  // What was completed must still be a reference: it is stored, and read again.
  if (reference.normalized().size() > kMaxText) return invalid(text, "it is too long");
  return reference;
}

std::string Reference::normalized() const {
  std::string text = registry_ + '/' + repository_;
  if (!tag_.empty()) text += ':' + tag_;
  if (!digest_.empty()) text += '@' + digest_;
  return text;
}

std::string Reference::cache_key() const { return std::string(Digest::sha256_of(as_bytes(normalized())).hex()); }

}  // namespace msb::oci
