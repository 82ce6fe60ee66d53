#include "snapshot/integrity.h"

#include <algorithm>
#include <array>

namespace msb::snapshot {
namespace {

using namespace std::string_view_literals;

constexpr auto kSparsePrefix = "msb-sparse-sha256-v1\0"sv;
constexpr std::array<std::byte, size_t{64} << 10> kZeros{};

struct Named {
  Algorithm algorithm;
  std::string_view name;
};
constexpr auto kAlgorithms = std::to_array<Named>({
    {Algorithm::merkle, "msb-file-merkle-blake3-v1"},
    {Algorithm::sparse, "msb-sparse-sha256-v1"},
    {Algorithm::sha256, "sha256"},
});

}  // namespace

std::string_view algorithm_name(Algorithm algorithm) {
  const auto* const row = std::find_if(kAlgorithms.begin(), kAlgorithms.end(),
                                       [algorithm](const Named& named) { return named.algorithm == algorithm; });
  return row->name;
}

std::optional<Algorithm> find_algorithm(std::string_view name) {
  for (const Named& named : kAlgorithms) {
    if (named.name == name) return named.algorithm;
  }
  return std::nullopt;
}

Integrity make_integrity(Algorithm algorithm, const Digest& digest, uint64_t size) {
  Integrity integrity{std::string(algorithm_name(algorithm)), digest.text(), 0, 0};
  if (algorithm == Algorithm::merkle) {
    integrity.logical_size = size;
    integrity.leaf_size = merkle::kLeafBytes;
  }
  return integrity;
}

ContentHash::ContentHash(Algorithm algorithm, uint64_t size) {
  if (algorithm == Algorithm::sparse) state_ = begin_sparse(size);
  if (algorithm == Algorithm::sha256) state_ = Sha256();
}

void ContentHash::update(Bytes bytes) {
  std::visit([bytes](auto& hash) { hash.update(bytes); }, state_);
}

void ContentHash::zeros(uint64_t count) {
  if (auto* const merkle = std::get_if<merkle::Stream>(&state_)) return merkle->zeros(count);
  add_zeros(std::get<Sha256>(state_), count);
}

Digest ContentHash::digest() {
  return std::visit([](auto& hash) { return hash.digest(); }, state_);
}

Sha256 begin_sparse(uint64_t size) {
  Sha256 hash;
  hash.update(as_bytes(kSparsePrefix));
  std::array<std::byte, 8> number;
  store_le(number, 0, size);
  hash.update(number);
  return hash;
}

void add_zeros(Sha256& hash, uint64_t count) {
  while (count > 0) {
    const auto step = static_cast<size_t>(std::min<uint64_t>(count, kZeros.size()));
    hash.update(Bytes(kZeros).first(step));
    count -= step;
  }
}

}  // namespace msb::snapshot
