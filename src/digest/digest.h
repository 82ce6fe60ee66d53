#pragma once

#include <compare>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace msb {

/// Names content by its hash: `sha256:9f86d0…`, in the grammar of the OCI image specification (`algorithm:encoded`).
/// A value: compares by its text, and may be shared between threads. A default Digest is empty.
class Digest {
 public:
  /// No digest that is longer is accepted: it becomes a file name, with room for a suffix.
  static constexpr size_t kMaxLength = 200;

  Digest() = default;

  /// Checks the grammar, and for sha256, sha512 and blake3 that lower-case hex of the right length follows.
  /// Fails with invalid_argument and the fact `digest`.
  static Result<Digest> parse(std::string_view text);
  /// `algorithm` and the raw value of the hash, both from a hash function of ours.
  static Digest of(std::string_view algorithm, Bytes value);
  static Digest sha256_of(Bytes bytes);

  bool empty() const { return text_.empty(); }
  const std::string& text() const { return text_; }
  std::string_view algorithm() const { return std::string_view(text_).substr(0, colon_); }
  /// What follows the colon.
  std::string_view hex() const { return empty() ? std::string_view() : std::string_view(text_).substr(colon_ + 1); }
  bool is_sha256() const { return algorithm() == "sha256"; }
  /// As file names carry it: `sha256_<hex>` (formats/images.md §1).
  std::string safe_name() const;

  bool operator==(const Digest& other) const { return text_ == other.text_; }
  std::strong_ordering operator<=>(const Digest& other) const { return text_ <=> other.text_; }

 private:
  Digest(std::string text, size_t colon) : text_(std::move(text)), colon_(colon) {}

  std::string text_;
  size_t colon_ = 0;
};

}  // namespace msb
