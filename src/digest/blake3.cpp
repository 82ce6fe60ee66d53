#include "digest/blake3.h"

#include "digest/blake3_engine.h"
#include "digest/blake3_tree.h"

namespace msb {

struct Blake3::State {
  blake3::Tree tree{blake3::best_engine()};
};

Blake3::Blake3() : state_(std::make_unique<State>()) {}
Blake3::Blake3(Blake3&&) noexcept = default;
Blake3& Blake3::operator=(Blake3&&) noexcept = default;
Blake3::~Blake3() = default;

void Blake3::update(Bytes bytes) { state_->tree.update(bytes); }
Blake3::Value Blake3::value() const { return state_->tree.value(); }
void Blake3::reset() { state_->tree.reset(); }

Blake3::Value Blake3::of(Bytes bytes) {
  blake3::Tree tree(blake3::best_engine());
  tree.update(bytes);
  return tree.value();
}

}  // namespace msb
