// libarchive as an independent judge of our tar reader: it writes archives in four formats, both readers read them, and
// they must agree on every member. What they are known to disagree on (see tar_reader.h) is not in here.

#include <archive.h>
#include <archive_entry.h>

#include <memory>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "archive/tar_reader.h"
#include "support/streams.h"

namespace msb::archive {
namespace {

struct Member {
  std::string path;
  std::string link;
  std::string content;
  unsigned type = 0;
  unsigned mode = 0;
  int64_t uid = 0;
  int64_t mtime = 0;
  long nanoseconds = 0;
  std::string xattr;
  uint64_t size = 0;

  bool operator==(const Member&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Member& member) {
  return out << member.path << " type " << member.type << " mode " << member.mode << " uid " << member.uid << " mtime "
             << member.mtime << '.' << member.nanoseconds << " size " << member.size << " link " << member.link
             << " content " << member.content.size() << " xattr " << member.xattr;
}

unsigned file_type(TarType type) {
  switch (type) {
    case TarType::directory:
      return AE_IFDIR;
    case TarType::symlink:
      return AE_IFLNK;
    case TarType::fifo:
      return AE_IFIFO;
    case TarType::character:
      return AE_IFCHR;
    case TarType::hard_link:
      return 0;
    default:
      return AE_IFREG;
  }
}

std::vector<Member> random_members(uint32_t seed, bool pax, bool ustar) {
  std::mt19937 engine(seed);
  const auto random = [&] { return static_cast<uint32_t>(engine()); };
  const auto below = [&](uint32_t limit) { return random() % limit; };
  std::vector<Member> members;
  for (int i = 0; i < 40; ++i) {
    Member member;
    member.path = "m" + std::to_string(i);
    // ustar splits at a slash between prefix and name, and has no room for more.
    if (below(3) == 0) member.path = std::string(1 + below(90), 'p') + "/" + member.path;
    if (!ustar && below(4) == 0)
      member.path = std::string(below(250), 'd') + "/" + std::string(below(200), 'e') + member.path;
    constexpr unsigned kTypes[] = {AE_IFREG, AE_IFREG, AE_IFREG, AE_IFDIR, AE_IFLNK, AE_IFIFO};
    member.type = kTypes[below(6)];
    member.mode = below(010000);
    member.uid = ustar ? below(0777777) : random();
    member.mtime = below(2000000000);
    if (pax) member.nanoseconds = static_cast<long>(below(1000000000));
    if (member.type == AE_IFLNK) member.link = std::string(1 + below(ustar ? 90 : 900), 't');
    if (member.type == AE_IFREG) member.content = test::noise(below(3) == 0 ? 0 : below(5000), random());
    if (pax && below(3) == 0) member.xattr = test::noise(below(50), random());
    member.size = member.content.size();
    members.push_back(member);
  }
  return members;
}

struct FreeEntry {
  void operator()(archive_entry* entry) const { archive_entry_free(entry); }
};

std::string write(int format, const std::vector<Member>& members) {
  std::string text(size_t{8} << 20, '\0');
  size_t used = 0;
  ::archive* writer = archive_write_new();
  archive_write_set_format(writer, format);
  archive_write_set_options(writer, "hdrcharset=BINARY");
  archive_write_open_memory(writer, text.data(), text.size(), &used);
  for (const Member& member : members) {
    const std::unique_ptr<archive_entry, FreeEntry> entry(archive_entry_new());
    archive_entry_set_pathname(entry.get(), member.path.c_str());
    archive_entry_set_filetype(entry.get(), member.type);
    archive_entry_set_perm(entry.get(), static_cast<__LA_MODE_T>(member.mode));
    archive_entry_set_uid(entry.get(), member.uid);
    archive_entry_set_mtime(entry.get(), member.mtime, member.nanoseconds);
    archive_entry_set_size(entry.get(), static_cast<int64_t>(member.content.size()));
    if (member.type == AE_IFLNK) archive_entry_set_symlink(entry.get(), member.link.c_str());
    if (!member.xattr.empty())
      archive_entry_xattr_add_entry(entry.get(), "user.x", member.xattr.data(), member.xattr.size());
    EXPECT_GE(archive_write_header(writer, entry.get()), ARCHIVE_WARN) << archive_error_string(writer);
    archive_write_data(writer, member.content.data(), member.content.size());
  }
  archive_write_close(writer);
  archive_write_free(writer);
  text.resize(used);
  return text;
}

std::vector<Member> read_theirs(const std::string& tar) {
  std::vector<Member> members;
  ::archive* reader = archive_read_new();
  archive_read_support_format_tar(reader);
  archive_read_open_memory(reader, tar.data(), tar.size());
  archive_entry* entry = nullptr;
  while (archive_read_next_header(reader, &entry) == ARCHIVE_OK) {
    Member member;
    member.path = archive_entry_pathname(entry);
    member.type = archive_entry_filetype(entry);
    member.mode = archive_entry_perm(entry);
    member.uid = archive_entry_uid(entry);
    member.mtime = archive_entry_mtime(entry);
    member.nanoseconds = archive_entry_mtime_nsec(entry);
    if (const char* link = archive_entry_symlink(entry)) member.link = link;
    member.size = static_cast<uint64_t>(archive_entry_size(entry));
    member.content.resize(member.size);
    EXPECT_EQ(archive_read_data(reader, member.content.data(), member.size), static_cast<la_ssize_t>(member.size));
    archive_entry_xattr_reset(entry);
    const char* name = nullptr;
    const void* value = nullptr;
    size_t size = 0;
    if (archive_entry_xattr_next(entry, &name, &value, &size) == ARCHIVE_OK) {
      member.xattr.assign(static_cast<const char*>(value), size);
    }
    members.push_back(std::move(member));
  }
  archive_read_free(reader);
  return members;
}

std::vector<Member> read_ours(const std::string& tar) {
  const Call call;
  test::StringSource source(tar);
  TarReader reader(source, nullptr, call);
  std::vector<Member> members;
  TarEntry entry;
  while (true) {
    const auto more = reader.next(entry);
    EXPECT_TRUE(more.ok()) << more.error().message();
    if (!more || !*more) return members;
    Member member;
    member.path = entry.path;
    member.link = entry.link;
    member.type = file_type(entry.type);
    member.mode = entry.mode;
    member.uid = entry.uid;
    member.mtime = entry.mtime;
    member.nanoseconds = entry.mtime_nsec;
    member.size = entry.size;
    if (!entry.xattrs.empty()) member.xattr = entry.xattrs[0].value;
    while (true) {
      const auto piece = reader.body();
      EXPECT_TRUE(piece.ok());
      if (piece->empty()) break;
      member.content += as_text(*piece);
    }
    members.push_back(std::move(member));
  }
}

TEST(Judge, ReadsWhatLibarchiveReads) {
  for (const int format : {ARCHIVE_FORMAT_TAR_PAX_INTERCHANGE, ARCHIVE_FORMAT_TAR_PAX_RESTRICTED,
                           ARCHIVE_FORMAT_TAR_GNUTAR, ARCHIVE_FORMAT_TAR_USTAR}) {
    const bool ustar = format == ARCHIVE_FORMAT_TAR_USTAR;
    const bool pax = format == ARCHIVE_FORMAT_TAR_PAX_INTERCHANGE;
    for (uint32_t seed = 1; seed <= 20; ++seed) {
      SCOPED_TRACE("format " + std::to_string(format) + " seed " + std::to_string(seed));
      const std::string tar = write(format, random_members(seed, pax, ustar));
      const auto theirs = read_theirs(tar);
      const auto ours = read_ours(tar);
      ASSERT_GE(theirs.size(), 40U);
      ASSERT_EQ(ours.size(), theirs.size());
      for (size_t i = 0; i < ours.size(); ++i) EXPECT_EQ(ours[i], theirs[i]);
    }
  }
}

}  // namespace
}  // namespace msb::archive
