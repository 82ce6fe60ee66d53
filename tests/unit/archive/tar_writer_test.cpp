#include "archive/tar_writer.h"

#include <gtest/gtest.h>

#include "archive/tar_reader.h"
#include "support/streams.h"
#include "support/tar_builder.h"

namespace msb::archive {
namespace {

using test::noise;
using test::StringSink;
using test::StringSource;

const Call kCall;

std::vector<TarEntry> read_back(const std::string& tar) {
  StringSource source(tar);
  TarReader reader(source, nullptr, kCall);
  std::vector<TarEntry> entries;
  while (true) {
    TarEntry entry;
    const auto more = reader.next(entry);
    EXPECT_TRUE(more.ok()) << more.error().message();
    if (!more || !*more) return entries;
    entries.push_back(std::move(entry));
  }
}

TEST(TarWriter, WritesGnuHeadersWithoutAnythingOfTheMoment) {
  StringSink out;
  TarWriter writer(out);
  ASSERT_TRUE(writer.add_directory("blobs").ok());
  ASSERT_TRUE(writer.add_file("blobs/a", as_bytes("content")).ok());
  ASSERT_TRUE(writer.add_file("empty", Bytes()).ok());
  ASSERT_TRUE(writer.finish().ok());
  test::TarBuilder expected;
  expected.add({.name = "blobs", .type = '5', .mode = 0755, .mtime = 0, .magic = test::kGnuMagic});
  expected.add({.name = "blobs/a", .body = "content", .mtime = 0, .magic = test::kGnuMagic});
  expected.add({.name = "empty", .mtime = 0, .magic = test::kGnuMagic}).end();
  // The two differ only in how they end the checksum.
  std::string text = expected.str();
  for (size_t i = 0; i < text.size(); i += 512) {
    if (text[i + 257] == 'u') text.replace(i + 148, 8, "0" + text.substr(i + 148, 6) + '\0');
  }
  EXPECT_TRUE(out.text == text);
}

TEST(TarWriter, StreamsContent) {
  StringSink out;
  TarWriter writer(out);
  StringSource content(noise(1'000'000), 777);
  ASSERT_TRUE(writer.add_file("big", content, 1'000'000, kCall).ok());
  EXPECT_EQ(out.text.size() % 512, 0U);
  EXPECT_TRUE(out.text.substr(512, 1'000'000) == noise(1'000'000));
  StringSource less("short");
  EXPECT_FALSE(writer.add_file("less", less, 6, kCall).ok());
  EXPECT_FALSE(writer.finish().ok());
}

TEST(TarWriter, WritesWhatItsReaderReads) {
  std::vector<TarEntry> entries(6);
  entries[0].type = TarType::regular;
  entries[0].path = std::string(300, 'n');
  entries[0].uid = 0xFFFFFFFE;
  entries[0].mtime = int64_t{1} << 40;
  entries[1].type = TarType::symlink;
  entries[1].path = "s";
  entries[1].link = std::string(4096, 't');
  entries[2].type = TarType::block;
  entries[2].path = "b";
  entries[2].rdev_major = 259;
  entries[2].rdev_minor = 70000;
  entries[3].type = TarType::directory;
  entries[3].path = std::string(150, 'd') + "\xFF";
  entries[3].link = std::string(150, 'l');
  entries[3].gid = 5'000'000;
  entries[3].mode = 07777;
  entries[3].xattrs = {{"security.capability", std::string("\1\0\n=", 4)}, {"user.a", ""}};
  entries[4].type = TarType::fifo;
  entries[4].path = "before";
  entries[4].mtime = -2;
  entries[4].mtime_nsec = 750'000'000;
  entries[5].type = TarType::socket;
  entries[5].path = "after";
  entries[5].mtime = 5;
  entries[5].mtime_nsec = 1;
  StringSink out;
  TarWriter writer(out);
  for (const TarEntry& entry : entries) ASSERT_TRUE(writer.begin(entry).ok());
  ASSERT_TRUE(writer.finish().ok());
  const auto read = read_back(out.text);
  ASSERT_EQ(read.size(), entries.size());
  for (size_t i = 0; i < read.size(); ++i) {
    SCOPED_TRACE(i);
    EXPECT_EQ(read[i].type, entries[i].type);
    EXPECT_EQ(read[i].path, entries[i].path);
    EXPECT_EQ(read[i].link, entries[i].link);
    EXPECT_EQ(std::tie(read[i].mode, read[i].uid, read[i].gid, read[i].mtime, read[i].mtime_nsec),
              std::tie(entries[i].mode, entries[i].uid, entries[i].gid, entries[i].mtime, entries[i].mtime_nsec));
    EXPECT_EQ(std::tie(read[i].rdev_major, read[i].rdev_minor), std::tie(entries[i].rdev_major, entries[i].rdev_minor));
    ASSERT_EQ(read[i].xattrs.size(), entries[i].xattrs.size());
    for (size_t j = 0; j < read[i].xattrs.size(); ++j) EXPECT_EQ(read[i].xattrs[j].value, entries[i].xattrs[j].value);
  }
}

TEST(TarWriter, WritesSparseMembersWithTheirWholeMap) {
  StringSink out;
  TarWriter writer(out);
  TarEntry entry;
  entry.path = std::string(120, 'n');
  entry.mode = 0644;
  entry.size = uint64_t{20} << 30;
  std::string content;
  for (uint64_t i = 0; i < 60; ++i) {
    entry.map.insert(entry.map.end(), {i << 28, 512});
    content += noise(512, static_cast<uint32_t>(i));
  }
  entry.map.insert(entry.map.end(), {entry.size, 0});
  ASSERT_TRUE(writer.begin_sparse(entry).ok());
  ASSERT_TRUE(writer.write(as_bytes(content)).ok());
  ASSERT_TRUE(writer.add_file("next", as_bytes("x")).ok());
  ASSERT_TRUE(writer.finish().ok());
  StringSource source(out.text);
  TarLimits limits;
  limits.max_file = limits.max_data = uint64_t{1} << 40;
  TarReader reader(source, nullptr, kCall, limits);
  TarEntry read;
  ASSERT_TRUE(reader.next(read).ok());
  EXPECT_TRUE(read.sparse);
  EXPECT_EQ(read.path, entry.path);
  EXPECT_EQ(read.size, entry.size);
  EXPECT_EQ(read.stored, content.size());
  EXPECT_EQ(read.map, entry.map);
  const auto more = reader.next(read);
  ASSERT_TRUE(more.ok()) << more.error().message();
  EXPECT_EQ(read.path, "next");
}

TEST(TarWriter, WritesZerosAsContent) {
  StringSink out;
  TarWriter writer(out);
  TarEntry entry;
  entry.type = TarType::regular;
  entry.path = "zeros";
  entry.size = 700;
  ASSERT_TRUE(writer.begin(entry).ok());
  ASSERT_TRUE(writer.zeros(600).ok());
  EXPECT_FALSE(writer.zeros(101).ok());
  ASSERT_TRUE(writer.zeros(100).ok());
  EXPECT_EQ(out.text.size(), 512U + 1024);
}

}  // namespace
}  // namespace msb::archive
