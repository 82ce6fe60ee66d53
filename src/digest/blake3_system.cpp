// Blake3 on the system's libblake3; built instead of the other blake3_* files where there is one.

#include <blake3.h>

#include "digest/blake3.h"

namespace msb {

struct Blake3::State {
  blake3_hasher hasher;
};

Blake3::Blake3() : state_(std::make_unique_for_overwrite<State>()) { blake3_hasher_init(&state_->hasher); }
Blake3::Blake3(Blake3&&) noexcept = default;
Blake3& Blake3::operator=(Blake3&&) noexcept = default;
Blake3::~Blake3() = default;

void Blake3::update(Bytes bytes) { blake3_hasher_update(&state_->hasher, bytes.data(), bytes.size()); }

Blake3::Value Blake3::value() const {
  Value value;
  blake3_hasher_finalize(&state_->hasher, reinterpret_cast<uint8_t*>(value.data()), value.size());
  return value;
}

void Blake3::reset() { blake3_hasher_reset(&state_->hasher); }

Blake3::Value Blake3::of(Bytes bytes) {
  Blake3 hash;
  hash.update(bytes);
  return hash.value();
}

}  // namespace msb
