#include "erofs/xattr.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "erofs/format.h"

namespace msb::erofs {
namespace {

using tree::Xattr;

constexpr size_t kEntryHeader = 4;

struct Prefix {
  uint8_t index;
  std::string_view text;
  bool whole;  // the name is the prefix
};
constexpr Prefix kPrefixes[] = {
    {1, "user.", false},
    {2, "system.posix_acl_access", true},
    {3, "system.posix_acl_default", true},
    {4, "trusted.", false},
    {6, "security.", false},
};

const Prefix* prefix_of(std::string_view name) {
  for (const Prefix& prefix : kPrefixes) {
    const bool match =
        prefix.whole ? name == prefix.text : name.starts_with(prefix.text) && name.size() > prefix.text.size();
    if (match) return &prefix;
  }
  return nullptr;
}

size_t entry_size(const Prefix& prefix, const Xattr& xattr) {
  return align_up(kEntryHeader + xattr.name.size() - prefix.text.size() + xattr.value.size(), size_t{4});
}

void append(std::vector<std::byte>& out, std::string_view text) {
  const Bytes bytes = as_bytes(text);
  out.insert(out.end(), bytes.begin(), bytes.end());
}

Error invalid(const char* what) { return Error(Status::image_invalid, std::string("extended attributes: ") + what); }

}  // namespace

std::span<const Xattr> opaque_xattr() {
  static const Xattr kMark{"trusted.overlay.opaque", "y"};
  return {&kMark, 1};
}

Result<size_t> xattr_area_size(std::span<const Xattr> xattrs) {
  size_t size = 0;
  for (const Xattr& xattr : xattrs) {
    const Prefix* prefix = prefix_of(xattr.name);
    if (prefix == nullptr) continue;
    if (xattr.name.size() > 255) return invalid("a name is longer than 255 bytes");
    if (xattr.value.size() > UINT16_MAX) return invalid("a value is longer than 65535 bytes");
    size += entry_size(*prefix, xattr);
  }
  if (size == 0) return size;
  if (size / 4 >= UINT16_MAX) return invalid("together larger than 256 KiB");
  return kXattrHeader + size;
}

void append_xattr_area(std::span<const Xattr> xattrs, std::vector<std::byte>& out) {
  bool first = true;
  for (const Xattr& xattr : xattrs) {
    const Prefix* prefix = prefix_of(xattr.name);
    if (prefix == nullptr) continue;
    if (std::exchange(first, false)) out.resize(out.size() + kXattrHeader);
    const size_t begin = out.size();
    const std::string_view suffix = std::string_view(xattr.name).substr(prefix->text.size());
    out.resize(begin + kEntryHeader);
    store_le(out, begin, static_cast<uint8_t>(suffix.size()));
    store_le(out, begin + 1, prefix->index);
    store_le(out, begin + 2, static_cast<uint16_t>(xattr.value.size()));
    append(out, suffix);
    append(out, xattr.value);
    out.resize(begin + entry_size(*prefix, xattr));
  }
}

Result<std::vector<Xattr>> parse_xattr_area(Bytes area) {
  std::vector<Xattr> xattrs;
  if (area.empty()) return xattrs;
  if (area.size() < kXattrHeader) return invalid("area is too small");
  if (load_le<uint8_t>(area, 4) != 0) return invalid("shared ones are not used here");
  area = area.subspan(kXattrHeader);
  while (!area.empty()) {
    if (area.size() < kEntryHeader) return invalid("cut short");
    const size_t name_length = load_le<uint8_t>(area, 0);
    const uint8_t index = load_le<uint8_t>(area, 1);
    const size_t value_length = load_le<uint16_t>(area, 2);
    const size_t size = align_up(kEntryHeader + name_length + value_length, size_t{4});
    const auto* prefix = std::ranges::find(kPrefixes, index, &Prefix::index);
    if (prefix == std::end(kPrefixes)) return invalid("unknown prefix");
    if (size > area.size()) return invalid("cut short");
    if (prefix->whole != (name_length == 0)) return invalid("malformed name");
    const std::string_view text = as_text(area.subspan(kEntryHeader, name_length + value_length));
    xattrs.push_back(
        {std::string(prefix->text).append(text.substr(0, name_length)), std::string(text.substr(name_length))});
    if (xattrs.back().name.find('\0') != std::string::npos) return invalid("malformed name");
    area = area.subspan(size);
  }
  std::ranges::sort(xattrs, {}, &Xattr::name);
  if (std::ranges::adjacent_find(xattrs, {}, &Xattr::name) != xattrs.end()) return invalid("a name comes twice");
  return xattrs;
}

uint16_t xattr_icount(size_t area_size) {
  return area_size == 0 ? uint16_t{0} : static_cast<uint16_t>((area_size - kXattrHeader) / 4 + 1);
}

size_t xattr_area_of_icount(uint16_t icount) { return icount == 0 ? 0 : kXattrHeader + (size_t{icount} - 1) * 4; }

}  // namespace msb::erofs
