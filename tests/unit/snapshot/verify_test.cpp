#include "snapshot/verify.h"

#include <functional>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "snapshot/hash_file.h"
#include "snapshot/sidecar.h"
#include "support/artifact_builder.h"
#include "support/fault_fs.h"
#include "support/fixtures.h"
#include "support/result.h"

namespace msb::snapshot {
namespace {

namespace fs = std::filesystem;
using test::Fault;
using test::FaultFs;
using test::plain_descriptor;
using test::TempDir;
using test::write_artifact;
using test::write_text;

constexpr std::string_view kDisk = "hello, disk";

Digest digest_of(std::string_view disk, Algorithm algorithm) {
  ContentHash hash(algorithm, disk.size());
  hash.update(as_bytes(disk));
  return hash.digest();
}

Integrity integrity_of(std::string_view disk, Algorithm algorithm) {
  return make_integrity(algorithm, digest_of(disk, algorithm), disk.size());
}

/// An artifact whose descriptor records `integrity`.
Artifact make(const std::string& path, Form form, std::optional<Integrity> integrity) {
  Descriptor descriptor = plain_descriptor(form, kDisk.size());
  if (descriptor.membership) descriptor.membership->layers.front().integrity = integrity;
  descriptor.integrity = std::move(integrity);
  write_artifact(path, descriptor, kDisk);
  auto artifact = open_artifact(os::real_fs(), path);
  EXPECT_OK(artifact);
  return *std::move(artifact);
}

Result<VerifyReport> verify(const Artifact& artifact) { return verify(os::real_fs(), artifact, 2, Call()); }

TEST(Verify, EveryAlgorithmInEveryForm) {
  for (const Form form : {Form::manifest, Form::snapshot, Form::member}) {
    for (const Algorithm algorithm : {Algorithm::merkle, Algorithm::sparse, Algorithm::sha256}) {
      const TempDir dir;
      const Artifact artifact = make(dir / "a", form, integrity_of(kDisk, algorithm));
      const auto report = verify(artifact);
      ASSERT_OK(report) << algorithm_name(algorithm);
      EXPECT_EQ(report->digest, artifact.digest);
      EXPECT_EQ(report->path, dir / "a");
      EXPECT_EQ(report->upper, artifact.descriptor.integrity);

      write_text(artifact.upper_path(), "hello, disc");
      const auto damaged = verify(artifact);
      ASSERT_STATUS(Status::snapshot_integrity, damaged);
      EXPECT_EQ(*damaged.error().fact("expected"), artifact.descriptor.integrity->digest);
      EXPECT_EQ(*damaged.error().fact("actual"), digest_of("hello, disc", algorithm).text());
      EXPECT_EQ(*damaged.error().fact("path"), artifact.upper_path());
    }
  }
}

TEST(Verify, NothingRecorded) {
  const TempDir dir;
  const auto report = verify(make(dir / "a", Form::snapshot, std::nullopt));
  ASSERT_OK(report);
  EXPECT_FALSE(report->upper);
}

TEST(Verify, UnknownAlgorithm) {
  const TempDir dir;
  const auto report = verify(make(dir / "a", Form::manifest, Integrity{"crc32", "crc32:0", 0, 0}));
  ASSERT_STATUS(Status::unsupported, report);
  EXPECT_NE(report.error().message().find("crc32"), std::string::npos);
}

TEST(Verify, AnotherDescriptorThanTheOneOpened) {
  const TempDir dir;
  const Artifact artifact = make(dir / "a", Form::snapshot, std::nullopt);
  Descriptor other = artifact.descriptor;
  other.labels["owner"] = "somebody else";
  write_artifact(dir / "a", other, kDisk);
  const auto report = verify(artifact);
  ASSERT_STATUS(Status::snapshot_integrity, report);
  EXPECT_EQ(*report.error().fact("expected"), artifact.digest.text());
  EXPECT_EQ(*report.error().fact("actual"), identity(other).text());

  fs::remove_all(dir / "a");
  EXPECT_STATUS(Status::snapshot_not_found, verify(artifact));
}

TEST(Verify, CheckpointsHaveNoDisk) {
  const TempDir dir;
  Descriptor descriptor = plain_descriptor(Form::snapshot, 0);
  descriptor.checkpoint = Checkpoint{"c1", "sha256:" + std::string(64, 'b')};
  write_artifact(dir / "a", descriptor, "");
  EXPECT_STATUS(Status::unsupported, verify(*open_artifact(os::real_fs(), dir / "a")));
}

/// Does something before the first read of the disk.
class Meddler final : public os::Fs {
 public:
  explicit Meddler(std::function<void()> deed) : deed_(std::move(deed)) {}
  ssize_t pread(int fd, MutableBytes into, uint64_t offset) override {
    if (into.size() == kDisk.size() && deed_) std::exchange(deed_, nullptr)();
    return Fs::pread(fd, into, offset);
  }

 private:
  std::function<void()> deed_;
};

TEST(Verify, ChangesMeanwhile) {
  const TempDir dir;
  const Artifact artifact = make(dir / "a", Form::snapshot, integrity_of(kDisk, Algorithm::sparse));
  const std::string disk = artifact.upper_path();
  write_text(dir / "same", kDisk);
  for (const std::function<void()>& deed : std::vector<std::function<void()>>{
           [&] { fs::permissions(disk, fs::perms::owner_read); },
           [&] { fs::rename(dir / "same", disk); },
           [&] { fs::resize_file(disk, 3); },
           [&] { fs::remove(disk); },
       }) {
    ::usleep(20'000);  // a tick of the file system's clock
    Meddler meddler(deed);
    const auto report = verify(meddler, artifact, 1, Call());
    ASSERT_STATUS(Status::snapshot_integrity, report);
    EXPECT_NE(report.error().message().find("changed while it was verified"), std::string::npos)
        << report.error().message();
    write_text(disk, kDisk);
  }
}

TEST(Verify, FailuresOfTheDiskAndStops) {
  const TempDir dir;
  const Artifact artifact = make(dir / "a", Form::snapshot, integrity_of(kDisk, Algorithm::merkle));
  for (unsigned n = 1;; ++n) {
    FaultFs faulty(Fault::fail, n);
    const auto report = verify(faulty, artifact, 2, Call());
    if (!faulty.reached()) break;
    EXPECT_FALSE(report.ok()) << n;
    EXPECT_TRUE(faulty.trace.empty()) << "verify wrote";
  }
  CancelToken cancel;
  cancel.trigger();
  const Call call(&cancel, Call::Clock::time_point::max(), nullptr, std::chrono::milliseconds(0));
  EXPECT_STATUS(Status::cancelled, verify(os::real_fs(), artifact, 2, call));
}

TEST(Verify, DigestsOfOldReleasesHaveTwoMeanings) {
  const TempDir dir;
  fs::create_directory(dir / "a");
  test::write_sparse30(dir / "a/upper.ext4");
  const auto file = os::File::open_regular(os::real_fs(), AT_FDCWD, dir / "a/upper.ext4");
  ASSERT_OK(file);
  const auto by_extents = hash_extents(*file, Call());
  ASSERT_OK(by_extents);
  Descriptor descriptor = plain_descriptor(Form::manifest, 4 << 20);
  descriptor.integrity = make_integrity(Algorithm::sparse, *by_extents, 4 << 20);
  write_text(dir / "a/manifest.json", canonical_bytes(descriptor));
  const auto artifact = open_artifact(os::real_fs(), dir / "a");
  ASSERT_OK(artifact);
  EXPECT_OK(verify(*artifact));
  std::fstream(dir / "a/upper.ext4", std::ios::in | std::ios::out) << "x";
  EXPECT_STATUS(Status::snapshot_integrity, verify(*artifact));
}

TEST(Verify, ThoseOfEveryReleaseAreIntact) {
  for (const std::string release : {"0.5.7", "0.6.2", "0.6.6", "0.6.7", "0.6.14", "0.6.18"}) {
    for (const std::string name : {"sparse30", "dense4k"}) {
      const auto source = test::upstream_path("snapshots/" + release + "/snapshots/" + name);
      const TempDir dir;
      fs::copy(source, dir / "a");
      if (name == "sparse30") {
        test::write_sparse30(dir / "a/upper.ext4");
        const auto file = os::File::open_regular(os::real_fs(), AT_FDCWD, dir / "a/upper.ext4");
        const bool holes = file.ok() && os::data_bytes(*file, Call()).value() == 30 * 4096;
        if (release == "0.5.7" && !holes) continue;  // this digest is of the extents as well
      } else {
        write_text(dir / "a/upper.ext4", test::dense4k());
      }
      const auto artifact = open_artifact(os::real_fs(), dir / "a");
      ASSERT_OK(artifact) << release << " " << name;
      const auto report = verify(*artifact);
      ASSERT_OK(report) << release << " " << name;
      EXPECT_TRUE(report->upper) << release << " " << name;
    }
  }
}

TEST(Sidecar, StandsInForARecord) {
  const TempDir dir;
  const Artifact artifact = make(dir / "a", Form::manifest, std::nullopt);
  const Integrity integrity = integrity_of(kDisk, Algorithm::merkle);
  const std::string sidecar = dir / "a/.integrity.json";
  write_text(sidecar, sidecar_bytes(artifact.descriptor, integrity));
  const auto report = verify(artifact);
  ASSERT_OK(report);
  EXPECT_EQ(report->upper, integrity);
  EXPECT_EQ(report->digest, artifact.digest) << "the identity is the descriptor's alone";

  write_text(sidecar, sidecar_bytes(artifact.descriptor, integrity_of("another one", Algorithm::merkle)));
  EXPECT_STATUS(Status::snapshot_integrity, verify(artifact));
  fs::remove(sidecar);
  ASSERT_EQ(::mkfifo(sidecar.c_str(), 0600), 0);
  EXPECT_STATUS(Status::snapshot_integrity, verify(artifact));
  fs::remove(sidecar);
  fs::create_symlink("upper.ext4", sidecar);
  EXPECT_STATUS(Status::snapshot_integrity, verify(artifact));
}

TEST(Sidecar, TheDescriptorsRecordComesFirst) {
  const TempDir dir;
  const Artifact artifact = make(dir / "a", Form::snapshot, integrity_of(kDisk, Algorithm::sha256));
  write_text(dir / "a/.integrity.json", "not even JSON");
  const auto report = verify(artifact);
  ASSERT_OK(report);
  EXPECT_EQ(report->upper, artifact.descriptor.integrity);
}

TEST(Sidecar, ReadsWhatItWrites) {
  const Descriptor descriptor = plain_descriptor(Form::manifest, kDisk.size());
  for (const Algorithm algorithm : {Algorithm::merkle, Algorithm::sparse, Algorithm::sha256}) {
    const Integrity integrity = integrity_of(kDisk, algorithm);
    const auto read_back = parse_sidecar(sidecar_bytes(descriptor, integrity), descriptor);
    ASSERT_OK(read_back);
    EXPECT_EQ(*read_back, integrity);
  }
}

TEST(Sidecar, RefusesWhatItMust) {
  const Descriptor descriptor = plain_descriptor(Form::manifest, kDisk.size());
  size_t count = 0;
  for (const auto& entry : fs::directory_iterator(test::tests_path("golden/reject/sidecar"))) {
    EXPECT_STATUS(Status::snapshot_integrity, parse_sidecar(test::read_file(entry.path()), descriptor))
        << entry.path().filename();
    ++count;
  }
  EXPECT_GE(count, 10U);
}

}  // namespace
}  // namespace msb::snapshot
