#include "snapshot/hash_file.h"

#include <algorithm>
#include <array>
#include <map>
#include <mutex>
#include <optional>
#include <vector>

#include "os/data_windows.h"
#include "os/stamp.h"
#include "os/workers.h"

namespace msb::snapshot {
namespace {

constexpr unsigned kWindowHeight = 6;
static_assert(os::kWindowBytes == merkle::kLeafBytes << kWindowHeight);
static_assert(os::kWindowStep % merkle::kLeafBytes == 0);

Error changed(const os::File& file) {
  return Error(Status::io, "changed while it was read: " + file.path()).with("path", file.path());
}

/// Runs `pass` over a file of so many bytes, and fails if the file is another one afterwards.
template <typename Pass>
auto over_unchanged(const os::File& file, Pass pass) -> decltype(pass(uint64_t{})) {
  MSB_TRY(const os::Stamp before, os::Stamp::of(file));
  auto result = pass(before.size);
  // A file that became shorter ends early for its reader: say why.
  if (!result && result.error().status() != Status::io) return result;
  MSB_TRY(const os::Stamp after, os::Stamp::of(file));
  if (after != before) return changed(file);
  return result;
}

/// One pass over the data of a file that makes its Merkle digest, and a copy of it if there is a `to`.
class MerklePass {
 public:
  MerklePass(const os::File& from, const os::File* to, uint64_t size, Progress progress)
      : from_(&from),
        size_(size),
        window_height_(std::min(kWindowHeight, merkle::height(size))),
        windows_(from, size),
        progress_(std::move(progress)) {
    if (to != nullptr) writer_.emplace(*to);
  }

  Result<Digest> run(unsigned threads, const Call& call) {
    const size_t crew = os::window_crew(progress_.total, threads);
    MSB_CHECK(os::parallel_for_each(crew, threads, call, [this](size_t, const Call& part) { return work(part); }));
    return joiner_.root(size_);
  }

 private:
  Done work(const Call& part) {
    std::vector<std::byte> buffer(os::kWindowStep);
    merkle::Hasher hasher;
    os::Window window;
    for (;;) {
      MSB_TRY(const bool more, windows_.next(window, part));
      if (!more) return {};
      MSB_TRY(const merkle::Node node, process(window, buffer, hasher, part));
      finish(window, node, part);
    }
  }

  /// Reads whole leaves, as many as have data; writes their data only, so that holes stay holes.
  Result<merkle::Node> process(const os::Window& window, MutableBytes buffer, merkle::Hasher& hasher,
                               const Call& part) {
    merkle::Joiner joiner;
    uint64_t at = window.offset;
    for (const os::Extent& extent : window.data) {
      at = std::max(at, extent.offset / merkle::kLeafBytes * merkle::kLeafBytes);
      const uint64_t end = std::min(align_up<uint64_t>(extent.offset + extent.length, merkle::kLeafBytes), size_);
      while (at < end) {
        MSB_CHECK(part.check());
        const MutableBytes run = buffer.first(static_cast<size_t>(std::min<uint64_t>(end - at, buffer.size())));
        MSB_CHECK(from_->read_exactly_at(run, at));
        if (writer_) MSB_CHECK(writer_->write(window, run, at));
        joiner.skip_to((at - window.offset) / merkle::kLeafBytes);
        for (size_t i = 0; i < run.size(); i += merkle::kLeafBytes) {
          joiner.add(hasher.leaf(run.subspan(i, std::min(merkle::kLeafBytes, run.size() - i))));
        }
        at += run.size();
      }
    }
    joiner.skip_to(uint64_t{1} << window_height_);
    return joiner.top();
  }

  void finish(const os::Window& window, const merkle::Node& node, const Call& part) {
    if (writer_) writer_->finish(window);
    std::lock_guard lock(mutex_);
    progress_.done += window.data_bytes();
    part.report(progress_);
    early_.emplace(window.sequence, Finished{window.offset / merkle::kLeafBytes, node});
    for (auto it = early_.find(joined_); it != early_.end(); it = early_.find(++joined_)) {
      joiner_.skip_to(it->second.leaf);
      joiner_.add(it->second.node, window_height_);
      early_.erase(it);
    }
  }

  struct Finished {
    uint64_t leaf;
    merkle::Node node;
  };

  const os::File* from_;
  const uint64_t size_;
  const unsigned window_height_;  // less than kWindowHeight for a file that is all in one window
  os::DataWindows windows_;
  std::optional<os::WindowWriter> writer_;

  std::mutex mutex_;
  Progress progress_;
  merkle::Joiner joiner_;
  std::map<uint64_t, Finished> early_;  // windows done before one that was handed out earlier
  uint64_t joined_ = 0;
};

/// What `msb-sparse-sha256-v1` and plain SHA-256 have in common, and where they part.
enum class Holes {
  zeros,  ///< are hashed like the zeros they stand for
  gaps,   ///< are left out, and each extent is hashed with its place
};

/// One pass over a file for a hash that needs its bytes in order, and a copy of it if there is a `to`.
class SerialPass {
 public:
  SerialPass(const os::File& from, const os::File* to, uint64_t size, Sha256 hash, Holes holes, Progress progress)
      : from_(&from), to_(to), size_(size), hash_(std::move(hash)), holes_(holes), progress_(std::move(progress)) {}

  Result<Digest> run(const Call& call) {
    std::vector<std::byte> buffer(os::kWindowStep);
    os::DataExtents extents(*from_);
    uint64_t at = 0;
    for (;;) {
      MSB_TRY(const auto extent, extents.next(call));
      if (!extent || extent->offset >= size_) break;
      const uint64_t end = std::min(extent->offset + extent->length, size_);
      MSB_CHECK(add_hole(at, extent->offset, call));
      if (holes_ == Holes::gaps) add_place(extent->offset, end - extent->offset);
      for (at = extent->offset; at < end;) {
        const MutableBytes run =
            MutableBytes(buffer).first(static_cast<size_t>(std::min<uint64_t>(end - at, os::kWindowStep)));
        MSB_CHECK(from_->read_exactly_at(run, at));
        if (to_ != nullptr) {
          MSB_CHECK(to_->write_at(run, at));
          to_->start_writeback(at, run.size());
        }
        hash_.update(run);
        at += run.size();
        MSB_CHECK(step(run.size(), call));
      }
    }
    MSB_CHECK(add_hole(at, size_, call));
    return hash_.digest();
  }

 private:
  Done add_hole(uint64_t begin, uint64_t end, const Call& call) {
    if (holes_ == Holes::gaps) return {};
    while (begin < end) {
      const uint64_t length = std::min<uint64_t>(end - begin, os::kWindowStep);
      add_zeros(hash_, length);
      begin += length;
      MSB_CHECK(step(length, call));
    }
    return {};
  }

  void add_place(uint64_t offset, uint64_t length) {
    std::array<std::byte, 17> place;
    place[0] = std::byte{'D'};
    store_le(place, 1, offset);
    store_le(place, 9, length);
    hash_.update(place);
  }

  Done step(uint64_t bytes, const Call& call) {
    progress_.done += bytes;
    call.report(progress_);
    return call.check();
  }

  const os::File* from_;
  const os::File* to_;
  const uint64_t size_;
  Sha256 hash_;
  const Holes holes_;
  Progress progress_;
};

Sha256 begin(Algorithm algorithm, uint64_t size) {
  return algorithm == Algorithm::sparse ? begin_sparse(size) : Sha256();
}

Result<Digest> run_pass(const os::File& from, const os::File* to, uint64_t size, Algorithm algorithm, unsigned threads,
                        const Call& call, Progress progress) {
  progress.done = 0;
  progress.total = size;
  progress.total_known = true;
  if (algorithm == Algorithm::merkle) {
    MSB_TRY(progress.total, os::data_bytes(from, call));
  }
  call.report(progress);
  if (algorithm == Algorithm::merkle) return MerklePass(from, to, size, std::move(progress)).run(threads, call);
  return SerialPass(from, to, size, begin(algorithm, size), Holes::zeros, std::move(progress)).run(call);
}

}  // namespace

Result<Digest> hash_file(const os::File& file, Algorithm algorithm, unsigned threads, const Call& call,
                         Progress progress) {
  progress.phase = Phase::hashing;
  return over_unchanged(file, [&](uint64_t size) {
    return run_pass(file, nullptr, size, algorithm, threads, call, std::move(progress));
  });
}

Result<Digest> hash_extents(const os::File& file, const Call& call, Progress progress) {
  progress.phase = Phase::hashing;
  return over_unchanged(file, [&](uint64_t size) -> Result<Digest> {
    MSB_TRY(progress.total, os::data_bytes(file, call));
    progress.total_known = true;
    call.report(progress);
    return SerialPass(file, nullptr, size, begin_sparse(size), Holes::gaps, std::move(progress)).run(call);
  });
}

Result<Digest> hash_path(os::Fs& fs, const std::string& path, Algorithm algorithm, unsigned threads, const Call& call) {
  MSB_TRY(const os::File file, os::File::open_regular(fs, AT_FDCWD, path));
  MSB_TRY(const os::Stamp before, os::Stamp::of(file));
  MSB_TRY(Digest digest, hash_file(file, algorithm, threads, call));
  MSB_TRY(const os::Stamp after, os::Stamp::of(fs, path));
  if (after != before) return changed(file);
  return digest;
}

Result<HashedCopy> copy_and_hash(const os::File& from, const os::File& to, Algorithm algorithm, unsigned threads,
                                 const Call& call, Progress progress) {
  return over_unchanged(from, [&](uint64_t size) -> Result<HashedCopy> {
    HashedCopy result;
    MSB_CHECK(call.check());
    MSB_CHECK(to.truncate(0));
    MSB_TRY(const bool cloned, os::clone(from, to));
    if (cloned) {
      result.copied.method = os::CopyMethod::clone;
    } else {
      MSB_CHECK(to.truncate(size));
      MSB_TRY(result.copied.bytes, os::data_bytes(from, call));
    }
    progress.phase = cloned ? Phase::hashing : Phase::copying;
    MSB_TRY(result.digest,
            run_pass(cloned ? to : from, cloned ? nullptr : &to, size, algorithm, threads, call, std::move(progress)));
    return result;
  });
}

}  // namespace msb::snapshot
