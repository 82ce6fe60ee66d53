#pragma once

#include <memory>

#include "base/stream.h"
#include "oci/manifest.h"
#include "registry/registry.h"

namespace msb::registry {

/// The bytes of a blob as they come. A connection that breaks is made anew from where it stood, so that whoever reads,
/// and hashes, notices nothing; the digest is his to check. Yields as many bytes as the descriptor says, or fails: a
/// blob that is longer or shorter is image_invalid.
class BlobStream final : public ByteSource {
 public:
  /// Both outlive the stream. Nothing is sent before the first read. Yields the bytes from `begin` up to `end`.
  BlobStream(Registry& registry, oci::Descriptor descriptor, const Call& call, uint64_t begin, uint64_t end);
  BlobStream(Registry& registry, const oci::Descriptor& descriptor, const Call& call);
  Result<size_t> read(MutableBytes into) override;

  /// Once something has been read: false when the registry sends the whole blob whatever part of it is asked for.
  bool knows_ranges() const { return knows_ranges_; }
  /// Goes on to there, once everything up to the end before was read.
  void extend(uint64_t end) { end_ = end; }

 private:
  Result<size_t> try_read(MutableBytes into);
  Done open();
  Done check_range(HttpResponse& response);
  Done check_end();
  /// After a failure: makes ready for the next attempt, or returns it.
  Done recover(Error failure);
  Error wrong_size(std::string_view what) const;

  Registry& registry_;
  const oci::Descriptor descriptor_;
  const Call& call_;
  Retry retry_;
  std::unique_ptr<HttpResponse> response_;
  size_t endpoint_ = 0;
  uint64_t offset_ = 0;
  uint64_t end_ = 0;
  bool knows_ranges_ = true;
  uint64_t since_failure_ = 0;
  unsigned failures_ = 0;
};

}  // namespace msb::registry
