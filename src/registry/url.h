#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace msb::registry {

/// An absolute http or https URL. A value; what it holds is as it was written, but for the scheme and host in lower
/// case.
class Url {
 public:
  /// Fails with `invalid_argument` for other schemes, control characters, user information and what is no URL.
  static Result<Url> parse(std::string_view text);
  /// What `reference`, the value of a Location header, means here. Fails as parse() does.
  Result<Url> resolve(std::string_view reference) const;

  const std::string& text() const { return text_; }
  const std::string& host() const { return host_; }
  bool secure() const { return secure_; }
  /// `https://host:port`: what must be the same for credentials to go along.
  const std::string& origin() const { return origin_; }
  /// For messages and logs: without the query, which may hold the key to a signed address.
  const std::string& shown() const { return shown_; }

 private:
  Url() = default;

  std::string text_;
  std::string host_;
  std::string origin_;
  std::string shown_;
  bool secure_ = false;
};

/// A text as a part of a query, escaped.
std::string escape_query(std::string_view text);

}  // namespace msb::registry
