#include "archive/tar_reader.h"

#include <chrono>
#include <fstream>

#include <gtest/gtest.h>

#include "support/streams.h"
#include "support/tar_builder.h"

namespace msb::archive {
namespace {

using test::kGnuMagic;
using test::noise;
using test::StringSink;
using test::StringSource;
using test::TarBuilder;

struct Member {
  TarEntry entry;
  std::string content;
};

Result<std::vector<Member>> read_all(const std::string& tar, StringSink* residue = nullptr, size_t step = SIZE_MAX,
                                     TarReader::Input input = TarReader::Input::whole, const TarLimits& limits = {}) {
  const Call call;
  StringSource source(tar, step);
  TarReader reader(source, residue, call, limits, input);
  std::vector<Member> members;
  while (true) {
    Member member;
    MSB_TRY(const bool more, reader.next(member.entry));
    if (!more) break;
    while (member.entry.type == TarType::regular) {
      MSB_TRY(const Bytes piece, reader.body());
      if (piece.empty()) break;
      member.content.append(as_text(piece));
    }
    members.push_back(std::move(member));
  }
  MSB_CHECK(reader.finish());
  return members;
}

std::vector<Member> members_of(const TarBuilder& tar) {
  auto members = read_all(tar.str());
  EXPECT_TRUE(members.ok()) << members.error().message();
  return members ? std::move(*members) : std::vector<Member>(1);
}

std::string why(const TarBuilder& tar, const TarLimits& limits = {}) {
  const auto members = read_all(tar.str(), nullptr, SIZE_MAX, TarReader::Input::whole, limits);
  EXPECT_FALSE(members.ok());
  if (members) return "";
  EXPECT_EQ(members.error().status(), Status::image_invalid);
  return members.error().message();
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST(TarReader, ReadsAPlainHeader) {
  const auto member = members_of(TarBuilder().add(
      {.name = "f", .body = "hello", .mode = 04755, .uid = 7, .gid = 8, .mtime = 1234567890, .prefix = "a/b"}))[0];
  EXPECT_EQ(member.entry.path, "a/b/f");
  EXPECT_EQ(member.entry.type, TarType::regular);
  EXPECT_EQ(member.entry.mode, 04755);
  EXPECT_EQ(member.entry.uid, 7U);
  EXPECT_EQ(member.entry.gid, 8U);
  EXPECT_EQ(member.entry.mtime, 1234567890);
  EXPECT_EQ(member.entry.header_mtime, 1234567890);
  EXPECT_EQ(member.entry.size, 5U);
  EXPECT_EQ(member.content, "hello");
}

TEST(TarReader, KnowsTypes) {
  TarBuilder tar;
  tar.add({.name = "c", .type = '3', .major = 259, .minor = 70000}).symlink("s", "to").link("h", "c");
  tar.add({.name = "p", .type = '6'}).add({.name = "so", .type = '`'}).directory("d/").add({.name = "?", .type = 'Z'});
  tar.add({.name = "cont", .type = '7', .body = "x"}).add({.name = "v7/", .type = '\0', .magic = {}});
  tar.add({.name = "not-v7/", .type = '0', .body = "y"});
  const auto members = members_of(tar);
  const TarType types[] = {TarType::character, TarType::symlink,   TarType::hard_link, TarType::fifo,
                           TarType::socket,    TarType::directory, TarType::other,     TarType::regular,
                           TarType::directory, TarType::regular};
  ASSERT_EQ(members.size(), std::size(types));
  for (size_t i = 0; i < members.size(); ++i) EXPECT_EQ(members[i].entry.type, types[i]) << i;
  EXPECT_EQ(members[0].entry.rdev_major, 259U);
  EXPECT_EQ(members[0].entry.rdev_minor, 70000U);
  EXPECT_EQ(members[1].entry.link, "to");
}

TEST(TarReader, DirectoriesOfV7HaveNoBody) {
  TarBuilder tar;
  tar.add({.name = "v7/", .type = '\0', .magic = {}, .patches = {{124, "00000001000\0"}}}).add("next", "x");
  const auto members = members_of(tar);
  ASSERT_EQ(members.size(), 2U);
  EXPECT_EQ(members[0].entry.type, TarType::directory);
  EXPECT_EQ(members[0].entry.size, 0U);
  EXPECT_EQ(members[1].entry.path, "next");
}

TEST(TarReader, ReadsBinaryAndOddNumbers) {
  const auto members =
      members_of(TarBuilder()
                     .add({.name = "big", .patches = {{108, std::string("\x80\0\0\0\xFF\xFF\xFF\xFE", 8)}}})
                     .add({.name = "before",
                           .patches = {{136, std::string("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFB", 12)}}})
                     .add({.name = "bad", .patches = {{100, "rwxrwx\0"}, {108, "       "}, {136, "999999999999"}}})
                     .add({.name = "spaced", .body = "x", .patches = {{124, "         1 \0"}}}));
  ASSERT_EQ(members.size(), 4U);
  EXPECT_EQ(members[0].entry.uid, 0xFFFFFFFEU);
  EXPECT_EQ(members[1].entry.mtime, -5);
  EXPECT_EQ(members[1].entry.header_mtime, 0);
  EXPECT_EQ(members[2].entry.mode, 0644);
  EXPECT_EQ(members[2].entry.uid, 0U);
  EXPECT_EQ(members[2].entry.mtime, 0);
  EXPECT_EQ(members[3].content, "x");
}

TEST(TarReader, AppliesPaxRecords) {
  const std::string path = "long/" + std::string(200, 'n');
  const auto entry = members_of(TarBuilder()
                                    .pax({{"uid", "99"}, {"path", "global"}}, 'g')
                                    .pax({{"path", path},
                                          {"uid", "4294967303"},
                                          {"gid", "70000"},
                                          {"size", "3"},
                                          {"mtime", "-1.25"},
                                          {"comment", ""},
                                          {"gid", ""},
                                          {"SCHILY.xattr.user.b", "old"},
                                          {"SCHILY.xattr.user.b", std::string("n\0=\n", 4)},
                                          {"SCHILY.xattr.user.a", ""},
                                          {"SCHILY.xattr.trusted.overlay.opaque", "y"},
                                          {"LIBARCHIVE.xattr.user.p%3Dq", "AQI"}})
                                    .add({.name = "short", .body = "abc", .gid = 5, .size = 0}))[0]
                         .entry;
  EXPECT_EQ(entry.path, path);
  EXPECT_EQ(entry.uid, 7U);
  EXPECT_EQ(entry.gid, 5U);
  EXPECT_EQ(entry.size, 3U);
  EXPECT_EQ(entry.mtime, -2);
  EXPECT_EQ(entry.mtime_nsec, 750'000'000U);
  EXPECT_EQ(entry.header_mtime, 1700000000);
  ASSERT_EQ(entry.xattrs.size(), 3U);
  EXPECT_EQ(entry.xattrs[0].name, "user.a");
  EXPECT_EQ(entry.xattrs[1].value, std::string("n\0=\n", 4));
  EXPECT_EQ(entry.xattrs[2].name, "user.p=q");
  EXPECT_EQ(entry.xattrs[2].value, "\x01\x02");
}

TEST(TarReader, ReadsGnuLongNames) {
  const std::string name(3000, 'n');
  const std::string target(2000, 't');
  const auto entry = members_of(TarBuilder().gnu_long('K', target).gnu_long('L', name).symlink("n", "t"))[0].entry;
  EXPECT_EQ(entry.path, name);
  EXPECT_EQ(entry.link, target);
}

TEST(TarReader, EndsAtAZeroBlockOrTheEndOfTheBytes) {
  const TarBuilder one = TarBuilder().add("a", "1");
  EXPECT_EQ(members_of(one).size(), 1U);
  EXPECT_EQ(members_of(TarBuilder(one).raw(std::string(512, '\0')).add("b", "2")).size(), 1U);
  EXPECT_EQ(members_of(TarBuilder(one).end().raw("anything")).size(), 1U);
  EXPECT_TRUE(read_all("")->empty());
}

/// Sizes on header-only types mean nothing to Go's reader, so no bytes follow.
TEST(TarReader, TypesWithoutContentHaveNone) {
  for (const char type : {'1', '2', '3', '4', '5', '6'}) {
    const auto members =
        members_of(TarBuilder().add({.name = "a", .type = type, .link = "b", .size = 512}).add("c", "d"));
    ASSERT_EQ(members.size(), 2U) << type;
    EXPECT_EQ(members[0].entry.size, 0U);
    EXPECT_EQ(members[1].content, "d");
  }
}

// One sparse file of 1,000,000 bytes with runs at 4096 and 500000, in each of the four formats.
constexpr const char* kSparseName = "dir/sparse";

TarBuilder sparse_file(const std::string& format, const std::string& content) {
  TarBuilder tar;
  const std::pair<std::string, std::string> size{"GNU.sparse.size", "1000000"};
  const std::pair<std::string, std::string> name{"GNU.sparse.name", kSparseName};
  const std::string odd_name = "dir/GNUSparseFile.1/sparse";
  if (format == "gnu") {
    const std::string map = TarBuilder::octal(4096, 11) + '\0' + TarBuilder::octal(1000, 11) + '\0' +
                            TarBuilder::octal(500000, 11) + '\0' + TarBuilder::octal(512, 11) + '\0' +
                            TarBuilder::octal(1000000, 11) + '\0' + TarBuilder::octal(0, 11) + '\0';
    tar.add({.name = kSparseName,
             .type = 'S',
             .body = content,
             .magic = kGnuMagic,
             .patches = {{386, map}, {483, TarBuilder::octal(1000000, 11)}}});
  } else if (format == "0.0") {
    tar.pax({size,
             {"GNU.sparse.numblocks", "2"},
             {"GNU.sparse.offset", "4096"},
             {"GNU.sparse.numbytes", "1000"},
             {"GNU.sparse.offset", "500000"},
             {"GNU.sparse.numbytes", "512"}});
    tar.add(kSparseName, content);
  } else if (format == "0.1") {
    tar.pax({size, {"GNU.sparse.numblocks", "2"}, name, {"GNU.sparse.map", "4096,1000,500000,512"}});
    tar.add(odd_name, content);
  } else {
    tar.pax({{"GNU.sparse.major", "1"}, {"GNU.sparse.minor", "0"}, name, {"GNU.sparse.realsize", "1000000"}});
    tar.add(odd_name, TarBuilder::padded("3\n4096\n1000\n500000\n512\n1000000\n0\n") + content);
  }
  return tar;
}

TEST(TarReader, ReadsEveryKindOfSparseFile) {
  const std::string content = noise(1512);
  for (const char* format : {"gnu", "0.0", "0.1", "1.0"}) {
    SCOPED_TRACE(format);
    const auto members = members_of(sparse_file(format, content).add("after", "x"));
    ASSERT_EQ(members.size(), 2U);
    const TarEntry& entry = members[0].entry;
    EXPECT_EQ(entry.path, kSparseName);
    EXPECT_TRUE(entry.sparse);
    EXPECT_EQ(entry.size, 1000000U);
    EXPECT_EQ(entry.stored, 1512U);
    ASSERT_EQ(entry.runs.size(), 2U);
    EXPECT_EQ(entry.runs[1].logical, 500000U);
    EXPECT_EQ(entry.runs[1].length, 512U);
    EXPECT_EQ(entry.runs[1].stored, 1000U);
    EXPECT_EQ(members[0].content, content);
    EXPECT_EQ(members[1].content, "x");
  }
}

TEST(TarReader, ReadsAContinuedSparseMap) {
  std::string first;
  std::string more(512, '\0');
  std::string content;
  for (int i = 0; i < 4 + 21; ++i) {
    const std::string pair =
        TarBuilder::octal(static_cast<uint64_t>(i) * 4096, 11) + '\0' + TarBuilder::octal(1, 11) + '\0';
    if (i < 4) {
      first += pair;
    } else {
      more.replace(static_cast<size_t>(i - 4) * 24, 24, pair);
    }
    content.push_back(static_cast<char>('a' + i));
  }
  TarBuilder tar;
  tar.add({.name = "s",
           .type = 'S',
           .magic = kGnuMagic,
           .size = 25,
           .patches = {{386, first}, {482, "\1"}, {483, TarBuilder::octal(200000, 11)}}});
  tar.raw(more).raw(TarBuilder::padded(content)).add("after", "x");
  const auto members = members_of(tar);
  ASSERT_EQ(members.size(), 2U);
  EXPECT_EQ(members[0].entry.runs.size(), 25U);
  EXPECT_EQ(members[0].content, content);
}

/// Residue and content make the tar, and the residue alone has the same members.
TEST(TarReader, LeavesEverythingButContentToTheResidue) {
  TarBuilder tar;
  tar.directory("d").add("d/f", noise(100000)).gnu_long('L', std::string(150, 'l')).add("l", "short");
  tar.raw(sparse_file("gnu", noise(1512)).str()).raw(sparse_file("1.0", noise(1512, 2)).str());
  tar.add({.name = "skipped", .type = 'Z', .body = noise(700)}).add("e", "").end().raw(noise(3000, 9));
  for (const size_t step : {SIZE_MAX, size_t{1}, size_t{1000}}) {
    StringSink residue;
    const auto members = read_all(tar.str(), &residue, step);
    ASSERT_TRUE(members.ok());
    size_t content = 0;
    for (const auto& member : *members) content += member.content.size();
    EXPECT_EQ(content + residue.text.size(), tar.str().size());
    EXPECT_TRUE(contains(residue.text, noise(700)));
    EXPECT_TRUE(residue.text.ends_with(noise(3000, 9)));

    StringSink again;
    const auto bare = read_all(residue.text, &again, step, TarReader::Input::residue);
    ASSERT_TRUE(bare.ok()) << bare.error().message();
    EXPECT_TRUE(again.text == residue.text);
    ASSERT_EQ(bare->size(), members->size());
    for (size_t i = 0; i < bare->size(); ++i) {
      EXPECT_EQ((*bare)[i].entry.path, (*members)[i].entry.path);
      EXPECT_EQ((*bare)[i].entry.size, (*members)[i].entry.size);
      EXPECT_EQ((*bare)[i].entry.runs.size(), (*members)[i].entry.runs.size());
    }
  }
}

TEST(TarReader, HoldsItsLimits) {
  TarLimits limits;
  limits.max_entries = 3;
  EXPECT_TRUE(
      contains(why(TarBuilder().add("1", "").pax({{"a", "b"}}, 'g').add("3", "").add("4", ""), limits), "3 members"));
  limits = {};
  limits.max_file = 100;
  EXPECT_TRUE(contains(why(TarBuilder().add("big", std::string(101, 'x')), limits), "\"big\""));
  limits = {};
  limits.max_data = 100;
  EXPECT_TRUE(
      contains(why(TarBuilder().add("a", std::string(60, 'x')).add("b", std::string(60, 'x')), limits), "\"b\""));
  EXPECT_TRUE(contains(why(sparse_file("0.1", noise(1512)), limits), "more than 100 bytes"));
  limits = {};
  limits.max_runs = 3;
  EXPECT_TRUE(
      contains(why(sparse_file("1.0", noise(1512)).raw(sparse_file("0.1", noise(1512)).str()), limits), "runs"));
}

/// libarchive 3.6 needs 2 GB for the first and 21 s for the second of these.
TEST(TarReader, IsQuickAndSmallOnLongMapsAndNames) {
  const auto start = std::chrono::steady_clock::now();
  std::string block(512, '\0');
  for (size_t i = 0; i < 21; ++i) {
    block.replace(i * 24, 24, TarBuilder::octal(4096, 11) + '\0' + TarBuilder::octal(0, 11) + '\0');
  }
  block[504] = 1;
  TarBuilder map;
  map.add({.name = "map", .type = 'S', .magic = kGnuMagic, .size = 0, .patches = {{482, "\1"}, {483, "1"}}});
  for (int i = 0; i < 200; ++i) map.raw(block);
  EXPECT_TRUE(contains(why(map), "\"map\""));
  TarLimits limits;
  limits.max_runs = 1000;
  EXPECT_TRUE(contains(why(map, limits), "sparse map is malformed or too long"));

  const auto named = members_of(TarBuilder().pax({{"path", std::string(444'000, '/')}}).add("n", ""));
  EXPECT_EQ(named.size(), 1U);
  EXPECT_TRUE(contains(why(TarBuilder().pax({{"path", std::string(2 << 20, 'n')}}).add("n", "")), "extended header"));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
}

TEST(TarReader, StopsWhenCancelled) {
  CancelToken token;
  token.trigger();
  const Call call(&token, Call::Clock::time_point::max(), {}, std::chrono::milliseconds(0));
  StringSource source(TarBuilder().add("a", "b").str());
  TarReader reader(source, nullptr, call);
  TarEntry entry;
  const auto next = reader.next(entry);
  ASSERT_FALSE(next.ok());
  EXPECT_EQ(next.error().status(), Status::cancelled);
}

}  // namespace
}  // namespace msb::archive
