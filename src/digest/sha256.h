#pragma once

#include <array>
#include <cstddef>
#include <memory>

#include "base/bytes.h"
#include "base/call.h"
#include "base/stream.h"
#include "digest/digest.h"

struct evp_md_ctx_st;

namespace msb {

/// SHA-256 of a stream. A copy goes on from where the original stood. One thread at a time.
class Sha256 {
 public:
  using Value = std::array<std::byte, 32>;

  Sha256();
  Sha256(const Sha256& other);
  Sha256& operator=(const Sha256& other);
  Sha256(Sha256&&) noexcept = default;
  Sha256& operator=(Sha256&&) noexcept = default;
  ~Sha256() = default;

  void update(Bytes bytes);
  /// The hash of everything so far. More may follow: the state stays.
  Value value() const;
  Digest digest() const { return Digest::of("sha256", value()); }

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const noexcept;
  };
  std::unique_ptr<evp_md_ctx_st, Free> context_;
};

/// Hash of all that a source yields.
Result<Digest> sha256_of(ByteSource& source, const Call& call);

}  // namespace msb
