#include "snapshot/archive_reader.h"

#include <gtest/gtest.h>

#include "snapshot/archive_inventory.h"
#include "snapshot/archive_list.h"
#include "support/fixtures.h"
#include "support/result.h"
#include "support/streams.h"
#include "support/tar_builder.h"

namespace msb::snapshot {
namespace {

using test::StringSource;
using test::TarBuilder;

const Call kCall;

Result<std::vector<std::string>> list(const std::string& bytes, const ArchiveLimits& limits = {}) {
  StringSource source(bytes);
  return list_members(source, limits, kCall);
}

TEST(ArchiveReaderTest, RefusesEachForItsReason) {
  size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(test::tests_path("golden/reject/snapshot_archive"))) {
    SCOPED_TRACE(entry.path().filename().string());
    const auto refused = list(test::read_file(entry.path()));
    ASSERT_FALSE(refused.ok());
    const Status status = refused.error().status();
    EXPECT_TRUE(status == Status::snapshot_archive || status == Status::snapshot_integrity ||
                status == Status::unsupported)
        << refused.error().message();
    ++count;
  }
  EXPECT_GT(count, 60U);
}

TEST(ArchiveReaderTest, AcceptsTheGoodOnes) {
  size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(test::tests_path("fuzz/corpus/snapshot_archive"))) {
    EXPECT_OK(list(test::read_file(entry.path()))) << entry.path();
    ++count;
  }
  EXPECT_GT(count, 5U);
}

TEST(ArchiveReaderTest, KeepsToItsLimits) {
  const std::string archive = test::read_file(test::tests_path("fuzz/corpus/snapshot_archive/current.tar"));
  EXPECT_STATUS(Status::snapshot_archive, list(archive, {.max_unpacked_bytes = 1000}));
  EXPECT_STATUS(Status::snapshot_archive, list(archive, {.max_entries = 2}));
  EXPECT_OK(list(archive, {.max_unpacked_bytes = 100'000, .max_entries = 3}));
}

TEST(ArchiveReaderTest, RefusesADescriptorThatIsTooLarge) {
  TarBuilder tar;
  tar.add("name/manifest.json", std::string(kMaxDescriptor + 1, ' ')).end();
  const auto refused = list(tar.str());
  ASSERT_STATUS(Status::snapshot_archive, refused);
  EXPECT_EQ(*refused.error().fact("member"), "name/manifest.json");
}

TEST(ArchiveReaderTest, ShowsWhereContentBelongs) {
  const std::string archive = test::read_file(test::tests_path("fuzz/corpus/snapshot_archive/sparse.tar"));
  StringSource source(archive);
  const auto reader = ArchiveReader::open(source, {}, kCall);
  ASSERT_OK(reader);
  ArchiveMember member;
  do {
    const auto more = (*reader)->next(member);
    ASSERT_OK(more);
    ASSERT_TRUE(*more);
  } while (member.name.kind != MemberKind::file);
  EXPECT_EQ(member.size, 4096U);
  EXPECT_EQ(member.stored, 1024U);
  EXPECT_EQ(member.map, (std::vector<uint64_t>{0, 512, 2048, 512, 4096, 0}));
  ASSERT_EQ(member.runs.size(), 2U);
  EXPECT_EQ(member.runs[1].logical, 2048U);
}

TEST(ArchiveInventoryTest, ReadsWhatItWrites) {
  Inventory inventory;
  const std::string digest = "sha256:" + std::string(64, 'a');
  inventory.head = digest;
  inventory.snapshots = {{digest, digest}};
  inventory.with_transport = true;
  InventoryEntry entry;
  entry.path = "files/" + std::string(64, 'a') + "/upper.ext4";
  entry.owner = digest;
  entry.kind = "file-payload";
  entry.encoded_size = 10;
  entry.apparent_size = 20;
  entry.transport = "blake3:" + std::string(64, 'b');
  inventory.entries = {entry};
  inventory.extensions.push_back({"other", 1});
  const std::string text = write_inventory(inventory);
  const auto read = parse_inventory(text);
  ASSERT_OK(read);
  EXPECT_EQ(write_inventory(*read), text);
  EXPECT_TRUE(read->with_transport);
  EXPECT_EQ(read->entries[0].apparent_size, 20U);
}

TEST(TransportHashTest, IsThatOfMicrosandbox) {
  // The disk of a case among the golden fixtures (23-inv-extensions-nonempty).
  const std::string path = "files/1b90f226d1db47508d0f6bfe04a5f43e7cce96668307022a0803dd024bbf908f/upper.ext4";
  TransportHash hash("file-payload", path, 5, 5, {});
  hash.update(as_bytes("hello"));
  EXPECT_EQ(hash.digest(), "blake3:052084422a456beb807eb30429d4a110d2761b76b2ed6656e812fe9928839073");
}

}  // namespace
}  // namespace msb::snapshot
