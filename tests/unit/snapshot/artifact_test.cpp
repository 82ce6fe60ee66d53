#include "snapshot/artifact.h"

#include <unistd.h>

#include <gtest/gtest.h>
#include <sys/stat.h>

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

Result<Artifact> open(const std::string& path) { return open_artifact(os::real_fs(), path); }

/// Fails with `status`, and a message that has `part` and, as a fact, a path in it.
testing::AssertionResult refused(const std::string& path, Status status, std::string_view part) {
  const auto artifact = open(path);
  if (artifact) return testing::AssertionFailure() << "opened";
  const Error& error = artifact.error();
  if (error.status() != status || error.message().find(part) == std::string::npos || error.fact("path") == nullptr) {
    return testing::AssertionFailure() << error.message();
  }
  return testing::AssertionSuccess();
}

TEST(Artifact, BothFormsOpen) {
  const TempDir dir;
  for (const Form form : {Form::manifest, Form::snapshot}) {
    Descriptor descriptor = plain_descriptor(form, 5);
    descriptor.upper_file = "-a b\n\xc3\xa9";  // odd, but one component
    write_artifact(dir / "a", descriptor, "hello");
    const auto artifact = open(dir / "a//");
    ASSERT_OK(artifact);
    EXPECT_EQ(artifact->path, dir / "a");
    EXPECT_EQ(artifact->upper_path(), dir / "a/" + descriptor.upper_file);
    EXPECT_EQ(artifact->digest, identity(descriptor));
    EXPECT_EQ(artifact->descriptor.form, form);
    EXPECT_GT(artifact->allocated_bytes, 0U);
  }
}

TEST(Artifact, SnapshotJsonWins) {
  const TempDir dir;
  write_artifact(dir / "a", plain_descriptor(Form::manifest, 5), "hello");
  write_artifact(dir / "a", plain_descriptor(Form::snapshot, 5), "hello");
  const auto artifact = open(dir / "a");
  ASSERT_OK(artifact);
  EXPECT_EQ(artifact->descriptor.form, Form::snapshot);

  write_text(dir / "a/snapshot.json", "{}");
  EXPECT_TRUE(refused(dir / "a", Status::snapshot_integrity, "snapshot.json"));
}

TEST(Artifact, DirectoryThroughALink) {
  const TempDir dir;
  write_artifact(dir / "a", plain_descriptor(Form::manifest, 5), "hello");
  fs::create_directory_symlink(dir / "a", dir / "latest");
  const auto artifact = open(dir / "latest");
  ASSERT_OK(artifact);
  EXPECT_EQ(artifact->path, dir / "latest");
}

TEST(Artifact, CheckpointHasNoDisk) {
  const TempDir dir;
  Descriptor descriptor = plain_descriptor(Form::snapshot, 0);
  descriptor.checkpoint = Checkpoint{"c1", "sha256:" + std::string(64, 'b')};
  write_artifact(dir / "a", descriptor, "");
  const auto artifact = open(dir / "a");
  ASSERT_OK(artifact);
  EXPECT_EQ(artifact->allocated_bytes, 0U);
}

TEST(Artifact, NothingThere) {
  const TempDir dir;
  write_text(dir / "file", "");
  fs::create_directory(dir / "empty");
  EXPECT_TRUE(refused(dir / "missing", Status::snapshot_not_found, "missing"));
  EXPECT_TRUE(refused(dir / std::string(300, 'x'), Status::snapshot_not_found, "xxx"));
  EXPECT_TRUE(refused(dir / "file", Status::snapshot_not_found, "not a directory"));
  EXPECT_TRUE(refused(dir / "file/below", Status::snapshot_not_found, "not a directory"));
  EXPECT_TRUE(refused(dir / "empty", Status::snapshot_not_found, "neither"));
}

TEST(Artifact, OddDescriptors) {
  const TempDir dir;
  const std::string path = dir / "a";
  const std::string file = path + "/manifest.json";
  write_artifact(path, plain_descriptor(Form::manifest, 5), "hello");

  fs::rename(file, path + "/real.json");
  fs::create_symlink("real.json", file);
  EXPECT_TRUE(refused(path, Status::snapshot_integrity, "not a regular file"));
  fs::remove(file);
  ASSERT_EQ(::mkfifo(file.c_str(), 0600), 0);
  EXPECT_TRUE(refused(path, Status::snapshot_integrity, "not a regular file"));
  fs::remove(file);
  fs::create_directory(file);
  EXPECT_TRUE(refused(path, Status::snapshot_integrity, "not a regular file"));
  fs::remove(file);

  // White space fills it up to the limit, and one more byte is too much.
  std::string text = test::read_file(path + "/real.json");
  text.resize(kMaxDescriptor, ' ');
  write_text(file, text);
  EXPECT_OK(open(path));
  write_text(file, text + ' ');
  EXPECT_TRUE(refused(path, Status::snapshot_integrity, "larger than 1048576"));
  write_text(file, text.substr(0, 100));
  EXPECT_TRUE(refused(path, Status::snapshot_integrity, "manifest.json"));
}

TEST(Artifact, OddDisks) {
  const TempDir dir;
  const std::string path = dir / "a";
  const std::string disk = path + "/upper.ext4";
  write_artifact(path, plain_descriptor(Form::snapshot, 5), "hello!");
  EXPECT_TRUE(refused(path, Status::snapshot_integrity, "6 bytes, not 5"));
  const auto wrong_size = open(path);
  EXPECT_EQ(*wrong_size.error().fact("expected"), "5");
  EXPECT_EQ(*wrong_size.error().fact("actual"), "6");

  fs::rename(disk, path + "/real");
  EXPECT_TRUE(refused(path, Status::snapshot_integrity, "missing"));
  fs::create_symlink("real", disk);
  EXPECT_TRUE(refused(path, Status::snapshot_integrity, "not a regular file"));
  fs::remove(disk);
  ASSERT_EQ(::mkfifo(disk.c_str(), 0600), 0);
  EXPECT_TRUE(refused(path, Status::snapshot_integrity, "not a regular file"));
}

TEST(Artifact, GroupIsNamed) {
  const TempDir dir;
  fs::create_directories(dir / "group");
  write_text(dir / "group/group.json", R"({"schema":"microsandbox.snapshot-group/1","head":"snap_1"})");
  EXPECT_TRUE(refused(dir / "group", Status::unsupported, "a group of snapshots of microsandbox 0.7"));
  fs::create_directories(dir / "member");
  write_text(dir / "member/snapshot.json", R"({"schema":"microsandbox.snapshot/2"})");
  EXPECT_TRUE(refused(dir / "member", Status::unsupported, R"(schema is "microsandbox.snapshot/2")"));
}

/// Canonical bytes of a member of a group, whose disk has five bytes.
std::string member_text() { return test::read_file(test::tests_path("fuzz/corpus/descriptor/member.json")); }

TEST(Artifact, MemberOfAGroup) {
  const TempDir dir;
  const std::string layer = "layers/layer_" + std::string(32, '2') + ".raw";
  fs::create_directories(dir / "a/layers");
  // White space does not count, nor does the order of members.
  std::string text = member_text();
  write_text(dir / "a/snapshot.json", "\n{ " + text.substr(1) + "\n");
  EXPECT_TRUE(refused(dir / "a", Status::snapshot_integrity, "the disk is missing"));
  write_text(dir / ("a/" + layer), "hello");
  auto artifact = open(dir / "a");
  ASSERT_OK(artifact);
  EXPECT_EQ(artifact->descriptor.form, Form::member);
  EXPECT_EQ(artifact->upper_path(), dir / ("a/" + layer));
  EXPECT_EQ(artifact->digest, Digest::sha256_of(as_bytes(text)));
  EXPECT_EQ(artifact->descriptor.membership->id, "snap_" + std::string(32, '1'));
  EXPECT_EQ(artifact->descriptor.parent, "snap_" + std::string(32, '0'));
  EXPECT_EQ(artifact->descriptor.source_sandbox, "web");
  EXPECT_EQ(artifact->descriptor.membership->name, std::nullopt);

  const auto dirfd = os::open_dir(os::real_fs(), dir / "a");
  ASSERT_OK(dirfd);
  EXPECT_STATUS(Status::unsupported, read_descriptor(*dirfd)) << "whoever changes something keeps out";

  write_text(dir / "a/metadata.json", R"({"schema":"microsandbox.snapshot-metadata/1","labels":{"owner":"alice"}})");
  write_text(dir / "a/group-member.json", R"({"schema":"microsandbox.snapshot-group-member/1","name":"one"})");
  artifact = open(dir / "a");
  ASSERT_OK(artifact);
  EXPECT_EQ(artifact->digest, Digest::sha256_of(as_bytes(text))) << "labels and name are no part of it";
  EXPECT_EQ(artifact->descriptor.labels.at("owner"), "alice");
  EXPECT_EQ(artifact->descriptor.membership->name, "one");
  write_text(dir / "a/group-member.json", R"({"schema":"microsandbox.snapshot-group-member/1","name":""})");
  EXPECT_TRUE(refused(dir / "a", Status::snapshot_integrity, "group-member.json"));
  fs::remove(dir / "a/group-member.json");
  write_text(dir / "a/metadata.json", R"({"schema":"microsandbox.snapshot-metadata/1","labels":{},"more":1})");
  EXPECT_TRUE(refused(dir / "a", Status::unsupported, "more"));
  fs::remove(dir / "a/metadata.json");

  // One that 0.7 has converted.
  fs::rename(dir / ("a/" + layer), dir / "a/upper.ext4");
  fs::remove(dir / "a/layers");
  artifact = open(dir / "a");
  ASSERT_OK(artifact);
  EXPECT_EQ(artifact->upper_path(), dir / "a/upper.ext4");
  fs::create_directory(dir / "elsewhere");
  fs::create_directory_symlink(dir / "elsewhere", dir / "a/layers");
  EXPECT_TRUE(refused(dir / "a", Status::snapshot_integrity, "not a directory"));
}

TEST(Artifact, MemberThatIsMoreThanOneDisk) {
  const std::pair<std::string, std::string> cases[] = {
      {R"("scope":"file")", R"("scope":"checkpoint")"},
      {R"("kind":"file")", R"("kind":"checkpoint")"},
      {R"("backing":null)", R"("backing":"layer_1")"},
      {R"("format":"raw","layer_id")", R"("format":"vmdk","layer_id")"},
      {R"("file_kind":"regular")", R"("file_kind":"device")"},
      {R"("layout":"managed")", R"("layout":"flat")"},
      {R"("requires":[])", R"("requires":[],"more":1)"},
      {R"("head":)", R"("more":1,"head":)"},
  };
  for (const auto& [from, to] : cases) {
    std::string text = member_text();
    ASSERT_NE(text.find(from), std::string::npos) << from;
    text.replace(text.find(from), from.size(), to);
    const auto descriptor = parse_descriptor(text, Form::member);
    EXPECT_STATUS(Status::unsupported, descriptor) << to;
  }
}

TEST(Artifact, EveryFailureOfTheDiskIsReported) {
  const TempDir dir;
  write_artifact(dir / "a", plain_descriptor(Form::manifest, 5), "hello");
  for (unsigned n = 1;; ++n) {
    FaultFs faulty(Fault::fail, n);
    const auto artifact = open_artifact(faulty, dir / "a");
    if (!faulty.reached()) break;
    EXPECT_STATUS(Status::io, artifact) << "operation " << n;
    EXPECT_TRUE(faulty.trace.empty());
  }
}

TEST(Artifact, ThoseOfEveryReleaseOpen) {
  size_t opened = 0;
  for (const std::string release : {"0.5.7", "0.6.2", "0.6.6", "0.6.7", "0.6.14", "0.6.18"}) {
    const auto folder = test::upstream_path("snapshots/" + release + "/snapshots");
    for (const auto& source : fs::directory_iterator(folder)) {
      const TempDir dir;
      fs::copy(source.path(), dir / "a");
      const Form form = fs::exists(dir / "a/snapshot.json") ? Form::snapshot : Form::manifest;
      const std::string text = test::read_file(dir / "a/" + std::string(file_name(form)));
      const auto descriptor = parse_descriptor(text, form);
      ASSERT_OK(descriptor);
      std::ofstream(dir / "a/upper.ext4").close();
      fs::resize_file(dir / "a/upper.ext4", descriptor->upper_size);
      const auto artifact = open(dir / "a");
      ASSERT_OK(artifact) << source.path();
      EXPECT_EQ(artifact->digest, Digest::sha256_of(as_bytes(text))) << source.path();
      ++opened;
    }
  }
  EXPECT_EQ(opened, 42U);
}

TEST(Artifact, MembersOfGroupsOfAReleaseOpen) {
  const auto folder = test::upstream_path("snapshots/0.7.2/snapshots");
  size_t labelled = 0;
  size_t opened = 0;
  for (const auto& source : fs::recursive_directory_iterator(folder)) {
    if (source.path().filename() != "snapshot.json") continue;
    const TempDir dir;
    fs::copy(source.path().parent_path(), dir / "a");
    const std::string text = test::read_file(source.path());
    const auto descriptor = parse_descriptor(text, Form::member);
    ASSERT_OK(descriptor);
    fs::create_directory(dir / "a/layers");
    write_text(dir / ("a/" + descriptor->upper_file), "");
    fs::resize_file(dir / ("a/" + descriptor->upper_file), descriptor->upper_size);
    const auto artifact = open(dir / "a");
    ASSERT_OK(artifact) << source.path();
    EXPECT_EQ(artifact->digest, Digest::sha256_of(as_bytes(text))) << source.path();
    EXPECT_TRUE(artifact->descriptor.membership->name) << source.path();
    labelled += artifact->descriptor.labels.size();
    ++opened;
  }
  EXPECT_EQ(opened, 5U);
  EXPECT_EQ(labelled, 3U);
}

}  // namespace
}  // namespace msb::snapshot
