#include "archive/tar_writer.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "archive/tar_header.h"

namespace msb::archive {
namespace {

constexpr size_t kNameField = 100;
constexpr size_t kNumberField = 12;
constexpr std::array<std::byte, 2 * kTarBlock> kZeros{};

char flag_of(TarType type) {
  switch (type) {
    case TarType::hard_link:
      return '1';
    case TarType::symlink:
      return '2';
    case TarType::character:
      return '3';
    case TarType::block:
      return '4';
    case TarType::directory:
      return '5';
    case TarType::fifo:
      return '6';
    case TarType::socket:
      return '`';
    case TarType::regular:
    case TarType::other:
      break;
  }
  return '0';
}

/// Octal digits and a NUL, or GNU's big-endian number when they do not fit. PAX records name such numbers too.
void put_number(MutableBytes field, uint64_t value) {
  const size_t digits = field.size() - 1;
  if (value >> (3 * digits) == 0) {
    for (size_t i = digits; i-- > 0; value >>= 3) field[i] = static_cast<std::byte>('0' + (value & 7));
    return;
  }
  for (size_t i = field.size(); i-- > 0; value >>= 8) field[i] = static_cast<std::byte>(value);
  field[0] |= std::byte{0x80};
}

void put_text(MutableBytes field, std::string_view text) {
  std::memcpy(field.data(), text.data(), std::min(field.size(), text.size()));
}

std::string pax_record(std::string_view key, std::string_view value) {
  const size_t rest = key.size() + value.size() + 3;
  size_t length = rest + 1;
  while (rest + std::to_string(length).size() != length) ++length;
  return std::to_string(length).append(" ").append(key).append("=").append(value).append("\n");
}

/// Seconds with nine digits of fraction. Before 1970 the sign counts for both.
std::string pax_time(int64_t seconds, uint32_t nanoseconds) {
  const bool negative = seconds < 0;
  if (negative && nanoseconds != 0) {
    ++seconds;
    nanoseconds = 1'000'000'000 - nanoseconds;
  }
  std::string text = std::to_string(negative ? -seconds : seconds);
  if (nanoseconds != 0) {
    const std::string digits = std::to_string(nanoseconds);
    text.append(".").append(9 - digits.size(), '0').append(digits);
  }
  return negative ? "-" + text : text;
}

bool needs_pax(const TarEntry& entry) { return !entry.xattrs.empty() || entry.mtime_nsec != 0 || entry.mtime < 0; }

std::string pax_records(const TarEntry& entry) {
  constexpr uint64_t kMaxId = 07777777;
  constexpr uint64_t kMaxSize = 077777777777;
  std::string records;
  if (entry.path.size() > kNameField) records += pax_record("path", entry.path);
  if (entry.link.size() > kNameField) records += pax_record("linkpath", entry.link);
  if (entry.uid > kMaxId) records += pax_record("uid", std::to_string(entry.uid));
  if (entry.gid > kMaxId) records += pax_record("gid", std::to_string(entry.gid));
  if (entry.size > kMaxSize) records += pax_record("size", std::to_string(entry.size));
  if (entry.mtime_nsec != 0 || entry.mtime < 0) {
    records += pax_record("mtime", pax_time(entry.mtime, entry.mtime_nsec));
  }
  for (const auto& xattr : entry.xattrs) records += pax_record("SCHILY.xattr." + xattr.name, xattr.value);
  return records;
}

/// Sets the checksum of a header, in which its own field counts as spaces.
void seal(MutableBytes header) {
  const MutableBytes field = header.subspan(148, 8);
  std::fill(field.begin(), field.end(), std::byte{' '});
  uint64_t sum = 0;
  for (const std::byte byte : header) sum += static_cast<uint64_t>(byte);
  field.back() = std::byte{0};
  put_number(field, sum);
}

std::array<std::byte, kTarBlock> make_header(const TarEntry& entry, char flag, bool gnu) {
  std::array<std::byte, kTarBlock> block{};
  const MutableBytes header(block);
  put_text(header.subspan(0, kNameField), entry.path);
  put_number(header.subspan(100, 8), entry.mode);
  put_number(header.subspan(108, 8), entry.uid);
  put_number(header.subspan(116, 8), entry.gid);
  put_number(header.subspan(124, 12), entry.size);
  put_number(header.subspan(136, 12), static_cast<uint64_t>(std::max<int64_t>(entry.mtime, 0)));
  header[156] = static_cast<std::byte>(flag);
  put_text(header.subspan(157, kNameField), entry.link);
  put_text(header.subspan(257, 8), gnu ? std::string_view("ustar  \0", 8)
                                       : std::string_view("ustar\0"
                                                          "00",
                                                          8));
  if (flag == '3' || flag == '4') {
    put_number(header.subspan(329, 8), entry.rdev_major);
    put_number(header.subspan(337, 8), entry.rdev_minor);
  }
  seal(header);
  return block;
}

/// Writes as many pairs of the map as there is room for, and returns what is left of it.
std::span<const uint64_t> put_pairs(MutableBytes block, size_t offset, size_t room, std::span<const uint64_t> map) {
  for (; room > 0 && !map.empty(); --room, offset += 2 * kNumberField, map = map.subspan(2)) {
    put_number(block.subspan(offset, kNumberField), map[0]);
    put_number(block.subspan(offset + kNumberField, kNumberField), map[1]);
  }
  return map;
}

}  // namespace

Done TarWriter::add_file(std::string_view name, Bytes content) {
  TarEntry entry;
  entry.type = TarType::regular;
  entry.path = name;
  entry.mode = 0644;
  entry.size = content.size();
  MSB_CHECK(begin(entry));
  return write(content);
}

Done TarWriter::add_file(std::string_view name, ByteSource& content, uint64_t size, const Call& call) {
  TarEntry entry;
  entry.type = TarType::regular;
  entry.path = name;
  entry.mode = 0644;
  entry.size = size;
  MSB_CHECK(begin(entry));
  std::vector<std::byte> buffer(size_t{256} << 10);
  while (size != 0) {
    MSB_CHECK(call.check());
    const auto wanted = static_cast<size_t>(std::min<uint64_t>(size, buffer.size()));
    MSB_TRY(const size_t got, content.read(MutableBytes(buffer).first(wanted)));
    if (got == 0) return Error(Status::internal, "content of \"" + std::string(name) + "\" is cut short");
    MSB_CHECK(write(Bytes(buffer).first(got)));
    size -= got;
  }
  return {};
}

Done TarWriter::add_directory(std::string_view name) {
  TarEntry entry;
  entry.type = TarType::directory;
  entry.path = name;
  entry.mode = 0755;
  return begin(entry);
}

Done TarWriter::begin(const TarEntry& entry) {
  if (left_ != 0) return Error(Status::internal, "a tar member began inside another");
  const bool pax = needs_pax(entry);
  if (pax) {
    MSB_CHECK(put_extension('x', "././@PaxHeader", pax_records(entry)));
  } else {
    if (entry.link.size() > kNameField) MSB_CHECK(put_extension('K', "././@LongLink", entry.link + '\0'));
    if (entry.path.size() > kNameField) MSB_CHECK(put_extension('L', "././@LongLink", entry.path + '\0'));
  }
  MSB_CHECK(out_->write(make_header(entry, flag_of(entry.type), !pax)));
  left_ = entry.type == TarType::regular ? entry.size : 0;
  padding_ = align_up(left_, uint64_t{kTarBlock}) - left_;
  return {};
}

Done TarWriter::begin_sparse(const TarEntry& entry) {
  if (left_ != 0) return Error(Status::internal, "a tar member began inside another");
  if (entry.path.size() > kNameField) MSB_CHECK(put_extension('L', "././@LongLink", entry.path + '\0'));
  TarEntry stored = entry;
  stored.size = 0;
  for (size_t i = 1; i < entry.map.size(); i += 2) stored.size += entry.map[i];
  auto block = make_header(stored, 'S', true);
  const MutableBytes header(block);
  std::span<const uint64_t> rest = put_pairs(header, 386, 4, entry.map);
  put_number(header.subspan(483, kNumberField), entry.size);
  header[482] = static_cast<std::byte>(rest.empty() ? 0 : 1);
  seal(header);
  MSB_CHECK(out_->write(block));
  while (!rest.empty()) {
    block.fill(std::byte{0});
    rest = put_pairs(header, 0, 21, rest);
    header[504] = static_cast<std::byte>(rest.empty() ? 0 : 1);
    MSB_CHECK(out_->write(block));
  }
  left_ = stored.size;
  padding_ = align_up(left_, uint64_t{kTarBlock}) - left_;
  return {};
}

Done TarWriter::zeros(uint64_t count) {
  if (count > left_) return Error(Status::internal, "a tar member got more content than it announced");
  MSB_CHECK(out_->zeros(count));
  left_ -= count;
  return left_ == 0 ? pad() : Done();
}

Done TarWriter::write(Bytes content) {
  if (content.size() > left_) return Error(Status::internal, "a tar member got more content than it announced");
  MSB_CHECK(out_->write(content));
  left_ -= content.size();
  return left_ == 0 ? pad() : Done();
}

Done TarWriter::finish() {
  if (left_ != 0) return Error(Status::internal, "the last tar member got less content than it announced");
  return out_->write(kZeros);
}

Done TarWriter::pad() {
  const size_t size = static_cast<size_t>(padding_);
  padding_ = 0;
  return out_->write(Bytes(kZeros).first(size));
}

Done TarWriter::put_extension(char type, std::string_view name, std::string_view data) {
  TarEntry entry;
  entry.path = name;
  entry.mode = 0644;
  entry.size = data.size();
  MSB_CHECK(out_->write(make_header(entry, type, type != 'x')));
  MSB_CHECK(out_->write(as_bytes(data)));
  padding_ = align_up(entry.size, uint64_t{kTarBlock}) - entry.size;
  return pad();
}

}  // namespace msb::archive
