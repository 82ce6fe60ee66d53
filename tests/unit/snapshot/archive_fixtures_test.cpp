// Archives of microsandbox releases, and hand-made ones with the outcome in those releases.
#include <fstream>
#include <map>

#include <gtest/gtest.h>

#include "json/parse.h"
#include "snapshot/archive_list.h"
#include "snapshot/archive_reader.h"
#include "snapshot/archive_source.h"
#include "snapshot/verify.h"
#include "support/transfer_home.h"

namespace msb::snapshot {
namespace {

using test::import_file;
using test::SnapshotHome;

constexpr char kFixtures[] = "snapshots";

/// Reads all members by the grammar alone.
Done read_members(const std::string& path, const Call& call) {
  MSB_TRY(const auto source, ArchiveSource::open(os::real_fs(), path, -1, call));
  MSB_TRY(const auto reader, ArchiveReader::open(*source, {}, call));
  ArchiveMember member;
  for (;;) {
    MSB_TRY(const bool more, reader->next(member));
    if (!more) return {};
  }
}

/// The disk is what was recorded, and its holes are holes.
void expect_whole(const SnapshotHome& home, const std::string& path) {
  const auto artifact = open_artifact(os::real_fs(), path);
  ASSERT_OK(artifact);
  const auto report = verify(os::real_fs(), *artifact, 2, home.call());
  ASSERT_OK(report);
  EXPECT_TRUE(report->upper);
  EXPECT_LT(test::allocated(artifact->upper_path()), uint64_t{2} << 20);
}

TEST(ArchiveFixturesTest, ImportsWhatEveryReleaseHasWritten) {
  const auto fixtures = test::upstream_path(kFixtures);
  size_t imported = 0;
  for (const char* const release : {"0.5.7", "0.6.2", "0.6.6", "0.6.7", "0.6.14", "0.6.18"}) {
    const auto digests = json::parse(test::read_file(fixtures / release / "digests.json"));
    ASSERT_OK(digests);
    for (const auto& entry : std::filesystem::directory_iterator(fixtures / release / "archives")) {
      SCOPED_TRACE(entry.path().string());
      const SnapshotHome home;
      const auto row = import_file(home, entry.path());
      ASSERT_OK(row);
      ++imported;
      // Releases from 0.6.7 on say the name in the inventory; those before do not, and it is that of the digest.
      const std::string file = entry.path().filename().string();
      const std::string name = file.substr(0, std::min(file.find('.'), file.find("-with-")));
      const std::string old_name = "sha256-" + row->digest.substr(7, 16);
      EXPECT_TRUE(row->name == name || row->name == old_name) << *row->name;
      bool known = false;
      for (const json::Member& one : *digests->object()) known = known || *one.value.string() == row->digest;
      EXPECT_TRUE(known) << row->digest;
      EXPECT_EQ(home.names().size(), name == "child2" ? 3U : 1U);
      expect_whole(home, row->artifact_path);
    }
  }
  EXPECT_EQ(imported, 36U);
}

TEST(ArchiveFixturesTest, ImportsThoseOfGroupsAsOthers) {
  const auto fixtures = test::upstream_path(kFixtures);
  size_t imported = 0;
  for (const auto& entry : std::filesystem::directory_iterator(fixtures / "0.7.2/archives")) {
    SCOPED_TRACE(entry.path().string());
    const SnapshotHome home;
    const auto row = import_file(home, entry.path());
    ASSERT_OK(row);
    ++imported;
    const std::string file = entry.path().filename().string();
    EXPECT_EQ(row->name, file.substr(0, std::min(file.find('.'), file.find("-with-"))));
    EXPECT_EQ(home.names().size(), file.starts_with("integ") ? 2U : 1U);
    expect_whole(home, row->artifact_path);
  }
  EXPECT_EQ(imported, 7U);
}

/// Where we decide otherwise than microsandbox 0.6.14, and why.
const std::map<std::string, std::string>& other_decisions() {
  static const std::map<std::string, std::string> kDecisions{
      // A hidden directory would be loaded once and never seen again.
      {"03", "refused"},
      // Releases up to 0.6.6 archive whole directories; those archives are read.
      {"05", "accepted"},
      // A snapshot is what its digest says, inventory or not.
      {"08", "refused"},
      // Extended headers are read, and mean what they say.
      {"14", "accepted"},
      // Requirements that nobody here knows.
      {"24", "refused"},
  };
  return kDecisions;
}

TEST(ArchiveFixturesTest, DecidesAboutHandMadeArchives) {
  const auto fixtures = test::upstream_path(kFixtures);
  const auto table = json::parse(test::read_file(fixtures / "archive-cases/cases.json"));
  ASSERT_OK(table);
  size_t accepted = 0;
  for (const json::Value& one : *table->find("cases")->array()) {
    const std::string file = *one.find("file")->string();
    SCOPED_TRACE(file);
    const std::string path = fixtures / "archive-cases" / file;
    const json::Value* const results = one.find("results");
    const bool upstream = *results->find("0.6.14")->find("result")->string() == "ok";
    const auto other = other_decisions().find(file.substr(0, 2));
    const bool grammar = other == other_decisions().end() ? upstream : other->second == "accepted";
    const SnapshotHome home;
    const auto row = import_file(home, path);
    if (!grammar) {
      EXPECT_FALSE(row.ok());
      EXPECT_TRUE(home.names().empty());
      EXPECT_TRUE(home.rows().empty());
      continue;
    }
    EXPECT_OK(read_members(path, home.call()));
    if (!row) {
      // The one general difference: without its inventory nothing of an archive of the current layout is trusted.
      EXPECT_NE(row.error().message().find("archive.json is missing"), std::string::npos) << row.error().message();
      EXPECT_STATUS(Status::snapshot_archive, list_archive(home.context(), path, home.call()));
      continue;
    }
    ++accepted;
    EXPECT_OK(list_archive(home.context(), path, home.call()));
    for (const char* const release : {"0.6.2", "0.6.14"}) {
      const json::Value* const result = results->find(release);
      if (*result->find("result")->string() != "ok") continue;
      EXPECT_EQ(row->digest, *result->find("digest")->string());
      break;
    }
  }
  EXPECT_GE(accepted, 10U);
}

}  // namespace
}  // namespace msb::snapshot
