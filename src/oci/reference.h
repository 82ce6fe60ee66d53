#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace msb::oci {

/// Name of an image, read by the grammar of formats/images.md §2 and completed: `python` is `python:latest` of
/// `library/python` in the registry `docker.io`. A value.
class Reference {
 public:
  /// Fails with invalid_argument, saying what is wrong with the text, and with the fact `name`.
  static Result<Reference> parse(std::string_view text);

  const std::string& registry() const { return registry_; }      ///< host and perhaps port
  const std::string& repository() const { return repository_; }  ///< path below the registry
  const std::string& tag() const { return tag_; }                ///< empty when there is only a digest
  const std::string& digest() const { return digest_; }          ///< as given; empty when there is none

  /// The one spelling that all spellings of a reference share: `docker.io/library/python:latest`.
  std::string normalized() const;
  /// Name of its document in the cache, without `.json`: the SHA-256 of the normalised spelling, in hex.
  std::string cache_key() const;

  bool operator==(const Reference&) const = default;

 private:
  std::string registry_;
  std::string repository_;
  std::string tag_;
  std::string digest_;
};

}  // namespace msb::oci
