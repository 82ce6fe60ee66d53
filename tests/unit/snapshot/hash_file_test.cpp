#include "snapshot/hash_file.h"

#include <unistd.h>

#include <atomic>
#include <functional>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "support/artifact_builder.h"
#include "support/fault_fs.h"
#include "support/file_digest.h"
#include "support/integrity_vectors.h"
#include "support/result.h"

namespace msb::snapshot {
namespace {

namespace fs = std::filesystem;
using test::Fault;
using test::FaultFs;
using test::TempDir;

constexpr uint64_t kMiB = uint64_t{1} << 20;

void write_runs(const std::string& path, uint64_t size, const std::vector<test::Run>& runs) {
  const auto file = os::File::open(os::real_fs(), AT_FDCWD, path, O_RDWR | O_CREAT | O_TRUNC);
  ASSERT_OK(file);
  ASSERT_OK(file->truncate(size));
  for (const test::Run& run : runs) ASSERT_OK(file->write_at(as_bytes(run.bytes), run.offset));
}

/// 19 MiB and 5 bytes: several windows, one of them a hole, data that crosses windows and leaves.
void write_disk(const std::string& path) {
  write_runs(path, 19 * kMiB + 5,
             {{4096, test::generated_bytes(1, 9000)},
              {4 * kMiB - 70'000, test::generated_bytes(2, 200'000)},
              {12 * kMiB, test::generated_bytes(3, 700'000)},
              {19 * kMiB, "hello"}});
}

os::File open(os::Fs& fs, const std::string& path, int flags = O_RDONLY) {
  auto file = os::File::open(fs, AT_FDCWD, path, flags);
  EXPECT_OK(file);
  return *std::move(file);
}
os::File open(const std::string& path) { return open(os::real_fs(), path); }

std::string hash(const os::File& file, Algorithm algorithm, unsigned threads = 2) {
  const auto digest = hash_file(file, algorithm, threads, Call());
  return digest ? digest->text() : digest.error().message();
}

std::string stream_hash(const std::string& content, Algorithm algorithm) {
  ContentHash stream(algorithm, content.size());
  for (size_t at = 0; at < content.size(); at += 100'000) {
    const Bytes part = as_bytes(content).subspan(at, std::min<size_t>(100'000, content.size() - at));
    is_zero(part) ? stream.zeros(part.size()) : stream.update(part);
  }
  return stream.digest().text();
}

bool tells_holes(const std::string& path) { return os::data_bytes(open(path), Call()).value() < fs::file_size(path); }

TEST(HashFile, MatchesReleases) {
  const TempDir dir;
  for (const auto& vector : test::integrity_vectors()) {
    write_runs(dir / "disk", vector.size, vector.runs());
    const os::File file = open(dir / "disk");
    for (const unsigned threads : {1U, 3U}) EXPECT_EQ(hash(file, Algorithm::merkle, threads), vector.root);
    const bool quick = vector.size < 100 * kMiB;  // the digests of gigabytes of zeros are release builds' to check
    if (quick) {
      EXPECT_EQ(hash(file, Algorithm::sha256), vector.sha256) << vector.name;
      EXPECT_EQ(hash(file, Algorithm::sparse), vector.sparse) << vector.name;
    }
    if (!quick && !tells_holes(dir / "disk")) continue;
    const auto by_extents = hash_extents(file, Call());
    ASSERT_OK(by_extents);
    EXPECT_EQ(by_extents->text(), vector.sparse_by_extents) << vector.name;
  }
}

TEST(HashFile, FilesAndStreamsAgree) {
  const TempDir dir;
  write_disk(dir / "disk");
  const std::string content = test::read_file(dir / "disk");
  const os::File file = open(dir / "disk");
  for (const Algorithm algorithm : {Algorithm::merkle, Algorithm::sparse, Algorithm::sha256}) {
    EXPECT_EQ(hash(file, algorithm), stream_hash(content, algorithm)) << algorithm_name(algorithm);
  }
  FaultFs dense;
  dense.has_seek_data = false;
  EXPECT_EQ(hash(open(dense, dir / "disk"), Algorithm::merkle), hash(file, Algorithm::merkle));
}

TEST(HashFile, EveryBitCounts) {
  const TempDir dir;
  write_disk(dir / "disk");
  const std::string before = hash(open(dir / "disk"), Algorithm::merkle);
  for (const uint64_t at : {uint64_t{0}, 4 * kMiB, 9 * kMiB, 12 * kMiB + 600'000, 19 * kMiB + 4}) {
    const os::File file = open(os::real_fs(), dir / "disk", O_RDWR);
    std::array<std::byte, 1> old;
    ASSERT_OK(file.read_exactly_at(old, at));
    ASSERT_OK(file.write_at(std::array{old[0] ^ std::byte{1}}, at));
    EXPECT_NE(hash(file, Algorithm::merkle), before) << at;
    ASSERT_OK(file.write_at(old, at));
  }
  EXPECT_EQ(hash(open(dir / "disk"), Algorithm::merkle), before);
}

TEST(HashFile, ShortReadsDoNotMatter) {
  const TempDir dir;
  write_disk(dir / "disk");
  const std::string expected = hash(open(dir / "disk"), Algorithm::merkle);
  for (unsigned n = 1;; ++n) {
    FaultFs faulty(Fault::short_io, n);
    EXPECT_EQ(hash(open(faulty, dir / "disk"), Algorithm::merkle), expected) << n;
    if (!faulty.reached()) break;
  }
}

TEST(HashFile, FailuresOfTheDiskAreReported) {
  const TempDir dir;
  write_disk(dir / "disk");
  for (const Algorithm algorithm : {Algorithm::merkle, Algorithm::sparse}) {
    for (const unsigned threads : {1U, 3U}) {
      unsigned failures = 0;
      for (unsigned n = 2;; ++n) {  // the first opens the file
        FaultFs faulty(Fault::fail, n);
        const os::File file = open(faulty, dir / "disk");
        const auto digest = hash_file(file, algorithm, threads, Call());
        if (!faulty.reached()) break;
        EXPECT_STATUS(Status::io, digest) << n;
        ++failures;
      }
      EXPECT_GT(failures, 10U);
    }
  }
}

/// Does something once, before the Nth read.
class Meddler final : public os::Fs {
 public:
  Meddler(unsigned at, std::function<void()> deed) : at_(at), deed_(std::move(deed)) {}
  ssize_t pread(int fd, MutableBytes into, uint64_t offset) override {
    if (++reads_ == at_) deed_();
    return Fs::pread(fd, into, offset);
  }

 private:
  std::atomic<unsigned> reads_{0};
  unsigned at_;
  std::function<void()> deed_;
};

TEST(HashFile, ChangesWhileReadingAreNoticed) {
  const TempDir dir;
  const std::string path = dir / "disk";
  const std::vector<std::pair<std::string, std::function<void()>>> deeds = {
      {"written", [&] { std::fstream(path, std::ios::in | std::ios::out) << "x"; }},
      {"appended", [&] { std::ofstream(path, std::ios::app) << "x"; }},
      {"cut off", [&] { fs::resize_file(path, 100); }},
  };
  for (const auto& [name, deed] : deeds) {
    for (const Algorithm algorithm : {Algorithm::merkle, Algorithm::sha256}) {
      write_disk(path);
      ::usleep(20'000);  // a tick of the file system's clock
      Meddler meddler(3, deed);
      const auto digest = hash_path(meddler, path, algorithm, 2, Call());
      EXPECT_STATUS(Status::io, digest) << name;
      if (!digest) {
        EXPECT_NE(digest.error().message().find("changed while it was read: " + path), std::string::npos)
            << digest.error().message();
      }
    }
  }
  write_disk(path);
  write_disk(dir / "other");
  Meddler meddler(3, [&] { fs::rename(dir / "other", path); });
  EXPECT_STATUS(Status::io, hash_path(meddler, path, Algorithm::merkle, 2, Call())) << "replaced";
}

TEST(HashFile, OnlyRegularFiles) {
  const TempDir dir;
  write_disk(dir / "disk");
  fs::create_symlink("disk", dir / "link");
  ASSERT_EQ(::mkfifo((dir / "fifo").c_str(), 0600), 0);
  ASSERT_OK(hash_path(os::real_fs(), dir / "disk", Algorithm::merkle, 1, Call()));
  for (const char* name : {"link", "fifo", "missing", "."}) {
    EXPECT_STATUS(Status::io, hash_path(os::real_fs(), dir / name, Algorithm::merkle, 1, Call())) << name;
  }
}

TEST(HashFile, ReportsProgressAndCanBeStopped) {
  const TempDir dir;
  write_disk(dir / "disk");
  const os::File file = open(dir / "disk");
  for (const Algorithm algorithm : {Algorithm::merkle, Algorithm::sparse}) {
    std::vector<Progress> seen;
    const Call call(
        nullptr, Call::Clock::time_point::max(), [&](const Progress& p) { seen.push_back(p); },
        std::chrono::milliseconds(0));
    ASSERT_OK(hash_file(file, algorithm, 1, call));
    ASSERT_GE(seen.size(), 3U);
    EXPECT_EQ(seen.front().done, 0U);
    uint64_t before = 0;
    for (const Progress& p : seen) {
      EXPECT_EQ(p.phase, Phase::hashing);
      EXPECT_TRUE(p.total_known);
      EXPECT_GE(p.done, before);
      before = p.done;
    }
    EXPECT_EQ(seen.back().done, seen.back().total);

    CancelToken cancel;
    const Call stopped(
        &cancel, Call::Clock::time_point::max(), [&](const Progress&) { cancel.trigger(); },
        std::chrono::milliseconds(0));
    EXPECT_STATUS(Status::cancelled, hash_file(file, algorithm, 1, stopped));
    EXPECT_STATUS(Status::cancelled, hash_file(file, algorithm, 2, stopped));
  }
}

TEST(CopyAndHash, CopiesExactlyAndHashesOnce) {
  const TempDir dir;
  write_disk(dir / "disk");
  const std::string expected = test::read_file(dir / "disk");
  for (const Algorithm algorithm : {Algorithm::merkle, Algorithm::sparse}) {
    for (const unsigned threads : {1U, 3U}) {
      test::write_text(dir / "copy", "what was there before");
      const os::File from = open(dir / "disk");
      const os::File to = open(os::real_fs(), dir / "copy", O_RDWR);
      const auto result = copy_and_hash(from, to, algorithm, threads, Call());
      ASSERT_OK(result);
      EXPECT_EQ(result->digest.text(), hash(from, algorithm));
      EXPECT_EQ(test::read_file(dir / "copy"), expected);
      const auto data = os::data_bytes(from, Call());
      EXPECT_EQ(*os::data_bytes(to, Call()), *data) << "holes stay holes";
      if (result->copied.method == os::CopyMethod::copy) {
        EXPECT_EQ(result->copied.bytes, *data);
      }
    }
  }
}

TEST(CopyAndHash, EmptyAndAllHoles) {
  const TempDir dir;
  for (const uint64_t size : {uint64_t{0}, 4096 * kMiB}) {
    write_runs(dir / "disk", size, {});
    const os::File to = open(os::real_fs(), dir / "copy", O_RDWR | O_CREAT);
    const auto result = copy_and_hash(open(dir / "disk"), to, Algorithm::merkle, 2, Call());
    ASSERT_OK(result);
    EXPECT_EQ(result->digest.text(), hash(open(dir / "disk"), Algorithm::merkle));
    EXPECT_EQ(fs::file_size(dir / "copy"), size);
  }
}

TEST(CopyAndHash, FailuresOfEitherSideAreReportedOrHarmless) {
  const TempDir dir;
  write_disk(dir / "disk");
  const std::string content = test::read_file(dir / "disk");
  const std::string digest = hash(open(dir / "disk"), Algorithm::merkle);
  for (const Fault fault : {Fault::fail, Fault::no_space, Fault::short_io}) {
    unsigned failures = 0;
    for (unsigned n = 3;; ++n) {  // the first two open the files
      FaultFs faulty(fault, n);
      faulty.has_clone = false;
      const os::File from = open(faulty, dir / "disk");
      const os::File to = open(faulty, dir / "copy", O_RDWR | O_CREAT);
      const auto result = copy_and_hash(from, to, Algorithm::merkle, 2, Call());
      if (!faulty.reached()) break;
      if (result) {
        EXPECT_EQ(result->digest.text(), digest) << n;
        EXPECT_TRUE(test::read_file(dir / "copy") == content) << n;
      } else {
        EXPECT_STATUS(Status::io, result) << n;
        ++failures;
      }
    }
    EXPECT_EQ(failures > 10, fault != Fault::short_io);
  }
}

TEST(Algorithms, NamesAndRecords) {
  for (const Algorithm algorithm : {Algorithm::merkle, Algorithm::sparse, Algorithm::sha256}) {
    EXPECT_EQ(find_algorithm(algorithm_name(algorithm)), algorithm);
    Descriptor descriptor = test::plain_descriptor(Form::snapshot, 5);
    descriptor.integrity = make_integrity(algorithm, Digest::parse(stream_hash("hello", algorithm)).value(), 5);
    const auto read_back = parse_descriptor(canonical_bytes(descriptor), Form::snapshot);
    ASSERT_OK(read_back);
    EXPECT_EQ(read_back->integrity, descriptor.integrity);
  }
  EXPECT_FALSE(find_algorithm("md5"));
}

}  // namespace
}  // namespace msb::snapshot
