#include "archive/tar_reader.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "archive/tar_sparse.h"

namespace msb::archive {
namespace {

/// For what is no tar at all, a text or a picture.
constexpr const char* kNoTar = "it does not begin like one";

constexpr size_t kBufferSize = size_t{256} << 10;
constexpr int64_t kMaxMajor = 0xFFF;  // Linux's dev_t
constexpr int64_t kMaxMinor = 0xFFFFF;

TarType type_of(char flag) {
  switch (flag) {
    case '0':
    case '\0':
    case '7':
    case 'S':
      return TarType::regular;
    case '1':
      return TarType::hard_link;
    case '2':
      return TarType::symlink;
    case '3':
      return TarType::character;
    case '4':
      return TarType::block;
    case '5':
      return TarType::directory;
    case '6':
      return TarType::fifo;
    case '`':
      return TarType::socket;
    default:
      return TarType::other;
  }
}

/// Types that never have content, whatever size the header names. Go's reader decides so, and with it containerd,
/// docker and podman.
bool is_header_only(TarType type) {
  return type != TarType::regular && type != TarType::socket && type != TarType::other;
}

uint64_t padding_of(uint64_t size) { return (kTarBlock - size % kTarBlock) % kTarBlock; }

std::string full_name(const TarHeader& header) {
  std::string name(header.prefix());
  if (!name.empty()) name.push_back('/');
  return name.append(header.name());
}

}  // namespace

TarReader::TarReader(ByteSource& source, ByteSink* residue, const Call& call, const TarLimits& limits, Input input)
    : source_(&source), residue_(residue), call_(&call), limits_(limits), input_(input), buffer_(kBufferSize) {}

/// At least `wanted` bytes, or all that are left.
Result<Bytes> TarReader::peek(size_t wanted) {
  if (window_.size() >= wanted || source_ended_) return window_;
  MSB_CHECK(call_->check());
  if (window_.empty()) {
    MSB_TRY(window_, source_->borrow(buffer_));
    source_ended_ = window_.empty();
    if (window_.size() >= wanted || source_ended_) return window_;
  }
  // They lie across two pieces of the source; the rest of the second can be borrowed after that.
  size_t size = window_.size();
  std::memmove(buffer_.data(), window_.data(), size);
  while (size < wanted) {
    MSB_TRY(const size_t more, source_->read(MutableBytes(buffer_).subspan(size, wanted - size)));
    source_ended_ = more == 0;
    if (source_ended_) break;
    size += more;
  }
  window_ = Bytes(buffer_).first(size);
  return window_;
}

/// Moves over bytes that peek() has shown; they are residue.
Done TarReader::pass(size_t size) {
  if (residue_ != nullptr) MSB_CHECK(residue_->write(window_.first(size)));
  window_ = window_.subspan(size);
  offset_ += size;
  return {};
}

Done TarReader::skip(uint64_t size) {
  while (size != 0) {
    MSB_TRY(const Bytes have, peek(1));
    if (have.empty()) return refuse_tar("it is cut short");
    const size_t part = static_cast<size_t>(std::min<uint64_t>(have.size(), size));
    MSB_CHECK(pass(part));
    size -= part;
    if (residue_ != nullptr || size == 0) continue;
    // Nobody wants the rest: where the source can leap, listing a large archive reads its headers only.
    MSB_CHECK(call_->check());
    MSB_TRY(const uint64_t leapt, source_->skip(size));
    offset_ += leapt;
    if (leapt < size) return refuse_tar("it is cut short");
    size = 0;
  }
  return {};
}

/// Moves over what body() has handed out.
void TarReader::settle() {
  window_ = window_.subspan(lent_);
  offset_ += lent_;
  body_left_ -= lent_;
  lent_ = 0;
}

/// False at the end of the source.
Result<bool> TarReader::read_block(Block& block) {
  MSB_TRY(const Bytes have, peek(kTarBlock));
  if (have.empty()) return false;
  if (have.size() < kTarBlock) return refuse_tar(offset_ == 0 ? kNoTar : "it is cut short");
  std::memcpy(block.data(), have.data(), kTarBlock);
  MSB_CHECK(pass(kTarBlock));
  return true;
}

Result<std::string> TarReader::read_extension(const TarHeader& header) {
  const auto size = header.size();
  if (!size || *size < 0 || static_cast<uint64_t>(*size) > limits_.max_extension) {
    return refuse_tar("an extended header is longer than " + std::to_string(limits_.max_extension) + " bytes");
  }
  std::string text;
  text.reserve(static_cast<size_t>(*size));
  while (text.size() < static_cast<size_t>(*size)) {
    MSB_TRY(const Bytes have, peek(1));
    if (have.empty()) return refuse_tar("it is cut short");
    const size_t part = std::min(have.size(), static_cast<size_t>(*size) - text.size());
    text.append(as_text(have.first(part)));
    MSB_CHECK(pass(part));
  }
  MSB_CHECK(skip(padding_of(text.size())));
  return text;
}

Result<bool> TarReader::next(TarEntry& entry) {
  auto more = read_member(entry);
  return more ? std::move(more) : Result<bool>(named(std::move(more).error()));
}

Result<bool> TarReader::read_member(TarEntry& entry) {
  settle();
  MSB_CHECK(skip(body_left_ + padding_));
  body_left_ = padding_ = 0;
  member_.clear();

  Extensions extensions;
  while (true) {
    Block block;
    MSB_TRY(const bool more, read_block(block));
    const TarHeader header{Bytes(block)};
    if (!more || header.is_zero()) {
      if (extensions.any()) return refuse_tar("an extended header stands before the end");
      return false;
    }
    if (!header.checksum_matches()) {
      if (offset_ == kTarBlock) return refuse_tar(kNoTar);
      return refuse_tar("no header with a right checksum at byte " + std::to_string(offset_ - kTarBlock));
    }
    member_ = full_name(header);
    MSB_TRY(const bool extension, take_extension(header, extensions));
    if (extension) continue;
    MSB_CHECK(fill_entry(header, extensions, entry));
    return true;
  }
}

/// False when `header` is that of a member. Each kind may come once: tools disagree about which of two counts.
Result<bool> TarReader::take_extension(const TarHeader& header, Extensions& extensions) {
  const char type = header.type();
  // Extensions are bounded by the members they extend; global headers extend none.
  if (type != 'x' && type != 'L' && type != 'K' && ++entries_ > limits_.max_entries) {
    return refuse_size("more than " + std::to_string(limits_.max_entries) + " members", limits_, kMaxLayerEntries);
  }
  if (type == 'g') {
    MSB_CHECK(read_extension(header));
    return true;
  }
  if (type == 'x') {
    MSB_TRY(const std::string records, read_extension(header));
    if (extensions.pax) return refuse_tar("two PAX headers for one member");
    MSB_TRY(extensions.pax, PaxHeader::parse(records));
    return true;
  }
  if (type == 'L' || type == 'K') {
    MSB_TRY(std::string text, read_extension(header));
    auto& field = type == 'L' ? extensions.name : extensions.link;
    if (field) return refuse_tar("two long names for one member");
    text.resize(std::min(text.size(), text.find('\0')));
    field = std::move(text);
    return true;
  }
  return false;
}

Done TarReader::fill_entry(const TarHeader& header, Extensions& extensions, TarEntry& entry) {
  PaxHeader pax = extensions.pax ? std::move(*extensions.pax) : PaxHeader();
  if ((extensions.name && pax.path) || (extensions.link && pax.link)) {
    return refuse_tar("its GNU and PAX headers contradict each other");
  }
  entry = {};
  entry.path = extensions.name ? std::move(*extensions.name) : pax.path ? std::move(*pax.path) : full_name(header);
  entry.link = extensions.link ? std::move(*extensions.link) : pax.link ? std::move(*pax.link) : header.link();
  if (pax.is_sparse() && pax.sparse_name) entry.path = *pax.sparse_name;
  member_ = entry.path;

  const auto size = header.size();
  if (pax.size) {
    entry.size = *pax.size;
  } else if (size && *size >= 0) {
    entry.size = static_cast<uint64_t>(*size);
  } else if (!header.size_is_blank()) {
    return refuse_tar("its size is no number");
  }
  entry.type = type_of(header.type());
  // V7 had no type for directories; it marked their names, and readers know no body of them, whatever their size says.
  if (header.type() == '\0' && entry.path.ends_with('/')) entry.type = TarType::directory;
  if (is_header_only(entry.type)) entry.size = 0;
  entry.stored = entry.size;

  entry.mode = static_cast<uint16_t>(header.mode().value_or(0644) & 07777);
  entry.uid = pax.uid ? static_cast<uint32_t>(*pax.uid) : static_cast<uint32_t>(header.uid().value_or(0));
  entry.gid = pax.gid ? static_cast<uint32_t>(*pax.gid) : static_cast<uint32_t>(header.gid().value_or(0));
  entry.mtime = header.mtime().value_or(0);
  entry.header_mtime = std::max<int64_t>(entry.mtime, 0);
  if (pax.mtime) {
    entry.mtime = pax.mtime->seconds;
    entry.mtime_nsec = pax.mtime->nanoseconds;
  }
  if (entry.type == TarType::character || entry.type == TarType::block) {
    const int64_t major = header.device_major().value_or(0);
    const int64_t minor = header.device_minor().value_or(0);
    if (major < 0 || major > kMaxMajor || minor < 0 || minor > kMaxMinor) return refuse_tar("no such device can be");
    entry.rdev_major = static_cast<uint32_t>(major);
    entry.rdev_minor = static_cast<uint32_t>(minor);
  }
  for (const auto& xattr : pax.xattrs) {
    if (xattr.name.empty() || xattr.name.size() > limits_.max_xattr_name ||
        xattr.name.find('\0') != std::string::npos || xattr.value.size() > limits_.max_xattr_value) {
      return refuse_tar("an extended attribute is longer than the kernel permits");
    }
  }
  entry.xattrs = std::move(pax.xattrs);
  const uint64_t padding = padding_of(entry.size);
  MSB_CHECK(fill_sparse(header, pax, entry));
  MSB_CHECK(count(entry));
  body_left_ = entry.stored;
  padding_ = padding;
  return {};
}

Done TarReader::fill_sparse(const TarHeader& header, PaxHeader& pax, TarEntry& entry) {
  std::vector<uint64_t>& map = entry.map;
  if (header.type() == 'S') {
    const auto size = header.number(483, 12);
    if (!header.is_gnu() || !size || *size < 0) return refuse_tar("it is sparse in an unknown format");
    MSB_TRY(map, read_gnu_map(header));
    entry.size = static_cast<uint64_t>(*size);
  } else if (pax.is_sparse() && entry.type == TarType::regular) {
    const uint64_t major = pax.sparse_major.value_or(0);
    const uint64_t minor = pax.sparse_minor.value_or(0);
    if (!pax.sparse_size || major > 1 || minor > 1 || (major == 1 && minor == 1)) {
      return refuse_tar("it is sparse in an unknown format");
    }
    if (major == 1) {
      MSB_TRY(map, read_pax_map(entry.stored));
    } else {
      map = std::move(pax.sparse_numbers);
    }
    entry.size = *pax.sparse_size;
  } else {
    return {};
  }
  entry.sparse = true;
  MSB_TRY(entry.runs, make_runs(map, entry.size, entry.stored));
  return {};
}

Result<std::vector<uint64_t>> TarReader::read_gnu_map(const TarHeader& header) {
  std::vector<uint64_t> map;
  bool good = read_gnu_pairs(header, 386, 4, map);
  bool more = header.field(482, 1)[0] != '\0';
  while (good && more && map.size() / 2 <= limits_.max_runs - runs_) {
    Block block;
    MSB_TRY(const bool read, read_block(block));
    const TarHeader continued{Bytes(block)};
    good = read && read_gnu_pairs(continued, 0, 21, map);
    more = continued.field(504, 1)[0] != '\0';
  }
  if (!good || more) return refuse_tar("its sparse map is malformed or too long");
  return map;
}

/// The map stands before the content and counts as stored bytes in the header.
Result<std::vector<uint64_t>> TarReader::read_pax_map(uint64_t& stored) {
  SparseMapParser parser;
  while (!parser.finished()) {
    Block block;
    if (stored < kTarBlock) return refuse_tar("its sparse map is cut short");
    MSB_TRY(const bool read, read_block(block));
    if (!read) return refuse_tar("it is cut short");
    if (!parser.take(block, limits_.max_runs - runs_)) return refuse_tar("its sparse map is malformed or too long");
    stored -= kTarBlock;
  }
  return parser.map();
}

Done TarReader::count(const TarEntry& entry) {
  runs_ += entry.runs.size();
  if (runs_ > limits_.max_runs) return refuse_tar("too many runs in sparse files");
  if (entry.size > limits_.max_file) {
    return refuse_size("a file is longer than " + std::to_string(limits_.max_file) + " bytes", limits_, kMaxFileBytes);
  }
  data_ += entry.size;  // cannot overflow: each is bounded, and so is their number
  if (data_ > limits_.max_data) {
    return refuse_size("more than " + std::to_string(limits_.max_data) + " bytes of files", limits_, kMaxLayerBytes);
  }
  return {};
}

Error TarReader::named(Error error) const {
  if (error.status() != Status::image_invalid || member_.empty()) return error;
  const std::string name = printable(member_);
  return std::move(error).with("member", name).in("\"" + name + "\"");
}

Result<Bytes> TarReader::body() {
  settle();
  if (input_ == Input::residue) {
    offset_ += std::exchange(body_left_, 0);
    return Bytes();
  }
  if (body_left_ == 0) return Bytes();
  MSB_TRY(const Bytes have, peek(1));
  if (have.empty()) return named(refuse_tar("it is cut short"));
  lent_ = static_cast<size_t>(std::min<uint64_t>(have.size(), body_left_));
  return have.first(lent_);
}

Done TarReader::finish() {
  while (true) {
    MSB_TRY(const Bytes have, peek(1));
    if (have.empty()) return {};
    MSB_CHECK(pass(have.size()));
  }
}

}  // namespace msb::archive
