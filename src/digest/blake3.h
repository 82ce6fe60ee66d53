#pragma once

#include <array>
#include <cstddef>
#include <memory>

#include "base/bytes.h"
#include "digest/digest.h"

namespace msb {

/// BLAKE3 of a stream, unkeyed, 32 bytes. One thread at a time. Fastest when a call to update() brings 64 KiB or more.
class Blake3 {
 public:
  using Value = std::array<std::byte, 32>;

  Blake3();
  Blake3(Blake3&&) noexcept;
  Blake3& operator=(Blake3&&) noexcept;
  ~Blake3();

  void update(Bytes bytes);
  /// The hash of everything so far. More may follow: the state stays.
  Value value() const;
  Digest digest() const { return Digest::of("blake3", value()); }
  /// Back to the beginning, for the next message: cheaper than a new object.
  void reset();

  static Value of(Bytes bytes);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace msb
