// Out of one home and into another.
#include <fcntl.h>
#include <unistd.h>

#include <thread>

#include <gtest/gtest.h>

#include "snapshot/archive_list.h"
#include "snapshot/sidecar.h"
#include "snapshot/verify.h"
#include "support/transfer_home.h"

namespace msb::snapshot {
namespace {

using test::allocated;
using test::export_file;
using test::import_file;
using test::plain_descriptor;
using test::read_file;
using test::SnapshotHome;

constexpr uint64_t kMiB = uint64_t{1} << 20;

/// An artifact with a scattered disk in the snapshots directory; its digest.
std::string add_sparse(const SnapshotHome& home, const std::string& name, Form form, uint64_t size = 64 * kMiB,
                       std::optional<std::string> parent = {}) {
  Descriptor descriptor = plain_descriptor(form, size);
  descriptor.labels["name"] = name;
  descriptor.parent = std::move(parent);
  test::write_artifact(home.snapshot(name), descriptor, "");
  test::write_scattered(home.snapshot(name) + "/upper.ext4", size, 7, 20'000);
  return identity(descriptor).text();
}

void expect_same_disk(const std::string& a, const std::string& b) {
  EXPECT_TRUE(read_file(a) == read_file(b)) << a << " and " << b << " differ";
}

struct Case {
  Form form;
  bool plain_tar;
};

class TransferTest : public testing::TestWithParam<Case> {};

TEST_P(TransferTest, BringsASnapshotOver) {
  const SnapshotHome from;
  const SnapshotHome to;
  const std::string digest = add_sparse(from, "base", GetParam().form);
  const std::string archive = from.path("base.archive");
  ASSERT_OK(export_file(from, "base", archive, GetParam().plain_tar));
  EXPECT_LT(allocated(archive), kMiB);

  const auto row = import_file(to, archive);
  ASSERT_OK(row);
  EXPECT_EQ(row->digest, digest);
  EXPECT_EQ(row->name, "base");
  EXPECT_EQ(to.names(), std::set<std::string>{"base"});
  expect_same_disk(from.snapshot("base/upper.ext4"), to.snapshot("base/upper.ext4"));
  EXPECT_LE(allocated(to.snapshot("base/upper.ext4")), allocated(from.snapshot("base/upper.ext4")));
  EXPECT_TRUE(to.row(digest));

  // Nothing was recorded, but what arrived can be told to be what left.
  const auto artifact = open_artifact(os::real_fs(), to.snapshot("base"));
  ASSERT_OK(artifact);
  auto report = verify(os::real_fs(), *artifact, 2, to.call());
  ASSERT_OK(report);
  EXPECT_TRUE(report->upper);
  const int fd = ::open(artifact->upper_path().c_str(), O_WRONLY);
  ASSERT_EQ(::pwrite(fd, "x", 1, 30'000'000), 1);
  ::close(fd);
  EXPECT_STATUS(Status::snapshot_integrity, verify(os::real_fs(), *artifact, 2, to.call()));
}

TEST_P(TransferTest, WritesTheSameArchiveEachTime) {
  const SnapshotHome from;
  add_sparse(from, "base", GetParam().form);
  ASSERT_OK(export_file(from, "base", from.path("one"), GetParam().plain_tar));
  ASSERT_OK(export_file(from, "base", from.path("two"), GetParam().plain_tar));
  EXPECT_TRUE(read_file(from.path("one")) == read_file(from.path("two")));
}

TEST_P(TransferTest, BringsTheChainOfParents) {
  const SnapshotHome from;
  const SnapshotHome to;
  const std::string oldest = add_sparse(from, "oldest", GetParam().form, kMiB);
  const std::string middle = add_sparse(from, "middle", GetParam().form, kMiB, oldest);
  const std::string head = add_sparse(from, "head", GetParam().form, kMiB, middle);
  ASSERT_OK(export_file(from, "head", from.path("chain"), GetParam().plain_tar, true));
  const auto row = import_file(to, from.path("chain"), "mine");
  ASSERT_OK(row);
  EXPECT_EQ(row->digest, head);
  EXPECT_EQ(to.names(), (std::set<std::string>{"oldest", "middle", "mine"}));
  EXPECT_EQ(to.row(oldest)->child_count, 1U);
  EXPECT_EQ(to.row(middle)->child_count, 1U);

  std::filesystem::remove_all(from.snapshot("oldest"));
  EXPECT_STATUS(Status::snapshot_not_found, export_file(from, "head", from.path("broken"), false, true));
  EXPECT_FALSE(std::filesystem::exists(from.path("broken")));
}

TEST_P(TransferTest, GoesThroughAPipe) {
  const SnapshotHome from;
  const SnapshotHome to;
  const std::string digest = add_sparse(from, "base", GetParam().form, 8 * kMiB);
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  std::thread sender([&] {
    ExportRequest request;
    request.ref = "base";
    request.fd = ends[1];
    request.plain_tar = GetParam().plain_tar;
    EXPECT_OK(export_archive(from.context(), request, Call()));
    ::close(ends[1]);
  });
  ImportRequest request;
  request.fd = ends[0];
  const auto row = import_archive(to.context(), request, to.call());
  sender.join();
  ::close(ends[0]);
  ASSERT_OK(row);
  EXPECT_EQ(row->digest, digest);
  expect_same_disk(from.snapshot("base/upper.ext4"), to.snapshot("base/upper.ext4"));
}

TEST_P(TransferTest, TakesWhatIsThereForImported) {
  const SnapshotHome from;
  const SnapshotHome to;
  const std::string digest = add_sparse(from, "base", GetParam().form, kMiB);
  ASSERT_OK(export_file(from, "base", from.path("archive"), GetParam().plain_tar));
  ASSERT_OK(import_file(to, from.path("archive")));
  const auto again = import_file(to, from.path("archive"));
  ASSERT_OK(again);
  EXPECT_EQ(again->digest, digest);
  EXPECT_EQ(to.names(), std::set<std::string>{"base"});
  // Under another name only when that is what was asked for.
  std::filesystem::rename(to.snapshot("base"), to.snapshot("other"));
  ASSERT_OK(import_file(to, from.path("archive"), "second"));
  EXPECT_EQ(to.names(), (std::set<std::string>{"other", "second"}));
}

TEST_P(TransferTest, FindsANameWhenTheExportersIsTaken) {
  const SnapshotHome from;
  const SnapshotHome to;
  const std::string digest = add_sparse(from, "base", GetParam().form, kMiB);
  to.snapshot("base");
  test::write_artifact(to.snapshot("base"), plain_descriptor(Form::manifest, 4096), test::dense4k());
  ASSERT_OK(export_file(from, "base", from.path("archive"), GetParam().plain_tar));
  const auto row = import_file(to, from.path("archive"));
  ASSERT_OK(row);
  EXPECT_EQ(row->name, GetParam().form == Form::manifest ? "sha256-" + digest.substr(7, 16) : digest.substr(7));
  const auto clash = import_file(to, from.path("archive"), "base");
  ASSERT_STATUS(Status::snapshot_already_exists, clash);
  EXPECT_EQ(*clash.error().fact("name"), "base");
}

TEST_P(TransferTest, TakesNoNameFromAnArchiveThatAShellOrATerminalReads) {
  const SnapshotHome from;
  for (const char* name : {"$(reboot)", "`reboot`", "a b", "a;b", "it's",
                           "a\xC2\x9B"
                           "b",
                           "a\xE2\x80\xAE"
                           "b"}) {
    SCOPED_TRACE(name);
    const SnapshotHome to;
    const std::string digest = add_sparse(from, name, GetParam().form, kMiB);
    ASSERT_OK(export_file(from, name, from.path("archive"), GetParam().plain_tar));
    const auto row = import_file(to, from.path("archive"));
    ASSERT_OK(row);
    const std::string neutral = GetParam().form == Form::manifest ? "sha256-" + digest.substr(7, 16) : digest.substr(7);
    EXPECT_EQ(row->name, neutral);
    // The user may still call it so, and it is found again.
    std::filesystem::remove_all(to.snapshot(neutral));
    ASSERT_OK(import_file(to, from.path("archive"), name));
    ASSERT_OK(import_file(to, from.path("archive")));
    EXPECT_EQ(to.names(), std::set<std::string>{name});
  }
}

TEST_P(TransferTest, RefusesADiskThatIsNotWhatWasRecorded) {
  const SnapshotHome from;
  Descriptor descriptor = plain_descriptor(GetParam().form, 4096);
  descriptor.integrity = Integrity{"msb-sparse-sha256-v1", "sha256:" + std::string(64, '0'), 0, 0};
  test::write_artifact(from.snapshot("base"), descriptor, test::dense4k());
  ASSERT_OK(export_file(from, "base", from.path("archive"), GetParam().plain_tar));
  const SnapshotHome to;
  const auto refused = import_file(to, from.path("archive"));
  ASSERT_STATUS(Status::snapshot_integrity, refused);
  EXPECT_NE(refused.error().fact("member"), nullptr);
  EXPECT_TRUE(to.names().empty());
  ImportRequest request;
  request.path = from.path("archive");
  request.skip_verify = true;
  EXPECT_OK(import_archive(to.context(), request, to.call()));
}

TEST_P(TransferTest, ListsMembersWithoutWriting) {
  const SnapshotHome home;
  add_sparse(home, "base", GetParam().form, kMiB);
  ASSERT_OK(export_file(home, "base", home.path("archive"), GetParam().plain_tar));
  const auto members = list_archive(home.context(), home.path("archive"), home.call());
  ASSERT_OK(members);
  EXPECT_EQ(members->size(), 3U);
  EXPECT_EQ(members->back(), GetParam().form == Form::manifest ? "base/.integrity.json" : "archive.json");
}

TEST_P(TransferTest, StopsWithTheCall) {
  const SnapshotHome from;
  const SnapshotHome to;
  add_sparse(from, "base", GetParam().form);
  ASSERT_OK(export_file(from, "base", from.path("archive"), GetParam().plain_tar));
  for (const Phase phase : {Phase::packing, Phase::unpacking}) {
    CancelToken token;
    bool seen = false;
    const Call call(
        &token, Call::Clock::time_point::max(),
        [&](const Progress& progress) {
          seen = seen || progress.phase == phase;
          if (progress.phase == phase) token.trigger();
        },
        std::chrono::milliseconds(0));
    if (phase == Phase::packing) {
      ExportRequest request;
      request.ref = "base";
      request.path = from.path("stopped");
      EXPECT_STATUS(Status::cancelled, export_archive(from.context(), request, call));
      EXPECT_FALSE(std::filesystem::exists(from.path("stopped")));
    } else {
      ImportRequest request;
      request.path = from.path("archive");
      EXPECT_STATUS(Status::cancelled, import_archive(to.context(), request, call));
      EXPECT_TRUE(to.names().empty());
    }
    EXPECT_TRUE(seen);
  }
}

INSTANTIATE_TEST_SUITE_P(Layouts, TransferTest,
                         testing::Values(Case{Form::manifest, false}, Case{Form::manifest, true},
                                         Case{Form::snapshot, false}, Case{Form::snapshot, true}),
                         [](const testing::TestParamInfo<Case>& one) {
                           return std::string(one.param.form == Form::manifest ? "Legacy" : "Current") +
                                  (one.param.plain_tar ? "Plain" : "Compressed");
                         });

TEST(ExportTest, TranslatesAManifestOnlyWhenAsked) {
  const SnapshotHome home;
  const std::string parent = add_sparse(home, "parent", Form::manifest, kMiB);
  const std::string digest = add_sparse(home, "child", Form::manifest, kMiB, parent);
  ExportRequest request;
  request.ref = "child";
  request.path = home.path("archive");
  request.layout = Layout::current;
  ASSERT_OK(export_archive(home.context(), request, home.call()));
  const SnapshotHome to;
  const auto row = import_file(to, home.path("archive"));
  ASSERT_OK(row);
  EXPECT_NE(row->digest, digest);
  EXPECT_NE(row->parent_digest, parent);
  EXPECT_TRUE(row->parent_digest);
  EXPECT_TRUE(std::filesystem::exists(to.snapshot("child/snapshot.json")));

  add_sparse(home, "new", Form::snapshot, kMiB);
  request.ref = "new";
  request.layout = Layout::legacy;
  EXPECT_STATUS(Status::unsupported, export_archive(home.context(), request, home.call()));
}

TEST(ExportTest, RefusesADiskThatDoesNotHaveItsRecordedRoot) {
  const SnapshotHome home;
  Descriptor descriptor = plain_descriptor(Form::snapshot, 4096);
  descriptor.integrity = Integrity{"msb-file-merkle-blake3-v1", "blake3:" + std::string(64, '0'), 4096, 65536};
  test::write_artifact(home.snapshot("base"), descriptor, test::dense4k());
  EXPECT_STATUS(Status::snapshot_integrity, export_file(home, "base", home.path("archive")));
  EXPECT_FALSE(std::filesystem::exists(home.path("archive")));
}

TEST(ExportTest, ReplacesAFileOnlyByAWholeOne) {
  const SnapshotHome home;
  add_sparse(home, "base", Form::manifest, kMiB);
  test::write_text(home.path("archive"), "before");
  EXPECT_STATUS(Status::snapshot_not_found, export_file(home, "missing", home.path("archive")));
  EXPECT_EQ(read_file(home.path("archive")), "before");
  ASSERT_OK(export_file(home, "base", home.path("archive")));
  EXPECT_OK(list_archive(home.context(), home.path("archive"), home.call()));
}

TEST(ExportTest, MakesTheDirectoriesAboveTheFile) {
  const SnapshotHome home;
  add_sparse(home, "base", Form::snapshot, kMiB);
  ASSERT_OK(export_file(home, "base", home.path("new/deeper/archive")));
  EXPECT_OK(import_file(SnapshotHome(), home.path("new/deeper/archive")));
}

TEST(ExportTest, RefusesOddRequests) {
  const SnapshotHome home;
  add_sparse(home, "base", Form::manifest, kMiB);
  ExportRequest request;
  request.ref = "base";
  request.path = home.path("archive");
  request.level = 20;
  EXPECT_STATUS(Status::invalid_argument, export_archive(home.context(), request, home.call()));
  request.level = 0;
  request.layout = static_cast<Layout>(3);
  EXPECT_STATUS(Status::invalid_argument, export_archive(home.context(), request, home.call()));
  request.layout = Layout::home;
  request.with_image = true;
  EXPECT_STATUS(Status::snapshot_image_missing, export_archive(home.context(), request, home.call()));
}

TEST(ExportTest, KeepsALargeSparseDiskSmallInEveryShape) {
  const SnapshotHome home;
  for (const Form form : {Form::manifest, Form::snapshot}) {
    const std::string name = form == Form::manifest ? "old" : "new";
    add_sparse(home, name, form, uint64_t{4} << 30);
    for (const bool plain : {false, true}) {
      ASSERT_OK(export_file(home, name, home.path("archive"), plain));
      EXPECT_LT(std::filesystem::file_size(home.path("archive")), kMiB) << name << plain;
    }
  }
  ExportRequest request;  // for readers that know no sparse members, and so dense, but of holes
  request.ref = "old";
  request.path = home.path("archive");
  request.plain_tar = true;
  request.layout = Layout::legacy;
  ASSERT_OK(export_archive(home.context(), request, home.call()));
  EXPECT_GT(std::filesystem::file_size(home.path("archive")), uint64_t{4} << 30);
  EXPECT_LT(allocated(home.path("archive")), kMiB);
  EXPECT_OK(import_file(home, home.path("archive")));
}

}  // namespace
}  // namespace msb::snapshot
