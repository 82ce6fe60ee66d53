#include "archive/tar_pax.h"

#include <algorithm>

#include "archive/tar_entry.h"
#include "base/number.h"

namespace msb::archive {
namespace {

constexpr std::string_view kSchily = "SCHILY.xattr.";
constexpr std::string_view kLibarchive = "LIBARCHIVE.xattr.";

struct Record {
  std::string_view key;
  std::string_view value;
};

/// Cuts `<length> <key>=<value>\n` off the front.
std::optional<Record> take_record(std::string_view& rest) {
  const size_t space = rest.find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  const auto length = parse_number<uint64_t>(rest.substr(0, space));
  if (!length || *length > rest.size() || *length < space + 3) return std::nullopt;
  const std::string_view record = rest.substr(space + 1, *length - space - 1);
  const size_t equals = record.find('=');
  if (record.back() != '\n' || equals == 0 || equals == std::string_view::npos) return std::nullopt;
  rest.remove_prefix(*length);
  return Record{record.substr(0, equals), record.substr(equals + 1, record.size() - equals - 2)};
}

std::optional<PaxHeader::Time> parse_pax_time(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  const size_t point = text.find('.');
  const auto whole = parse_number<uint64_t>(text.substr(0, point));
  if (!whole || *whole > INT64_MAX - 1) return std::nullopt;
  uint32_t nanoseconds = 0;
  if (point != std::string_view::npos) {
    const std::string_view fraction = text.substr(point + 1);
    for (size_t i = 0; i < std::max<size_t>(fraction.size(), 9); ++i) {
      const char digit = i < fraction.size() ? fraction[i] : '0';
      if (digit < '0' || digit > '9') return std::nullopt;
      if (i < 9) nanoseconds = nanoseconds * 10 + static_cast<uint32_t>(digit - '0');
    }
  }
  PaxHeader::Time time{static_cast<int64_t>(*whole), nanoseconds};
  if (negative) {
    time.seconds = -time.seconds;
    if (nanoseconds != 0) time = {time.seconds - 1, 1'000'000'000 - nanoseconds};
  }
  return time;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// `%XX` as libarchive writes the bytes that its keys cannot have.
std::string url_decode(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 && hex_digit(text[i + 2]) >= 0) {
      out.push_back(static_cast<char>(hex_digit(text[i + 1]) << 4 | hex_digit(text[i + 2])));
      i += 2;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

std::optional<std::string> base64_decode(std::string_view text) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  while (text.ends_with('=')) text.remove_suffix(1);
  std::string out;
  uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const size_t digit = kDigits.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    bits = bits << 6 | static_cast<uint32_t>(digit);
    count += 6;
    if (count >= 8) {
      count -= 8;
      out.push_back(static_cast<char>(bits >> count & 0xFF));
    }
  }
  return out;
}

void add_xattr(std::vector<tree::Xattr>& xattrs, std::string name, std::string_view value) {
  // How an overlay is built is ours to say; a tar that was taken of an overlay's directory must not.
  if (name.starts_with("trusted.overlay.") || name.starts_with("user.overlay.")) return;
  xattrs.push_back({std::move(name), std::string(value)});
}

/// Sorted by name; of several values the last one counts.
void sort_xattrs(std::vector<tree::Xattr>& xattrs) {
  std::stable_sort(xattrs.begin(), xattrs.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  const auto same = [](const auto& a, const auto& b) { return a.name == b.name; };
  const auto kept = std::unique(xattrs.rbegin(), xattrs.rend(), same);
  xattrs.erase(xattrs.begin(), kept.base());
}

/// The map of format 0.1: `offset,length,offset,…`.
bool parse_map(std::string_view text, std::vector<uint64_t>& numbers) {
  numbers.clear();
  while (!text.empty()) {
    const size_t comma = text.find(',');
    const auto number = parse_number<uint64_t>(text.substr(0, comma));
    if (!number) return false;
    numbers.push_back(*number);
    if (comma == std::string_view::npos) break;
    text.remove_prefix(comma + 1);
  }
  return true;
}

bool set_number(std::optional<uint64_t>& field, std::string_view value) {
  field = parse_number<uint64_t>(value);
  return field.has_value() || value.empty();
}

bool set_text(std::optional<std::string>& field, std::string_view value) {
  field.reset();
  if (!value.empty()) field = value;
  return value.find('\0') == std::string_view::npos;
}

/// False when the value is malformed. Keys that say nothing about a file's content or metadata are passed over.
bool apply(const Record& record, PaxHeader& header) {
  const auto [key, value] = record;
  if (key == "path") return set_text(header.path, value);
  if (key == "linkpath") return set_text(header.link, value);
  if (key == "size") return set_number(header.size, value);
  if (key == "uid") return set_number(header.uid, value);
  if (key == "gid") return set_number(header.gid, value);
  if (key == "mtime") {
    header.mtime = parse_pax_time(value);
    return header.mtime.has_value() || value.empty();
  }
  if (key.starts_with(kSchily)) {
    add_xattr(header.xattrs, std::string(key.substr(kSchily.size())), value);
    return true;
  }
  if (key.starts_with(kLibarchive)) {
    const auto decoded = base64_decode(value);
    if (decoded) add_xattr(header.xattrs, url_decode(key.substr(kLibarchive.size())), *decoded);
    return decoded.has_value();
  }
  if (key == "GNU.sparse.major") return set_number(header.sparse_major, value);
  if (key == "GNU.sparse.minor") return set_number(header.sparse_minor, value);
  if (key == "GNU.sparse.name") return set_text(header.sparse_name, value);
  if (key == "GNU.sparse.size" || key == "GNU.sparse.realsize") return set_number(header.sparse_size, value);
  if (key == "GNU.sparse.map") {
    header.sparse_listed = true;
    return parse_map(value, header.sparse_numbers);
  }
  if (key == "GNU.sparse.offset" || key == "GNU.sparse.numbytes") {
    // Format 0.0 repeats the two in turn.
    const bool offset = key == "GNU.sparse.offset";
    const auto number = parse_number<uint64_t>(value);
    if (!number || (header.sparse_numbers.size() % 2 == 0) != offset) return false;
    header.sparse_listed = true;
    header.sparse_numbers.push_back(*number);
  }
  if (key == "GNU.sparse.numblocks") header.sparse_listed = true;  // the list itself may be empty
  return true;
}

}  // namespace

Result<PaxHeader> PaxHeader::parse(std::string_view records) {
  PaxHeader header;
  while (!records.empty()) {
    const auto record = take_record(records);
    if (!record) return refuse_tar("a PAX header is malformed");
    if (!apply(*record, header)) {
      return refuse_tar("PAX record \"" + printable(record->key) + "\" has a malformed value");
    }
  }
  sort_xattrs(header.xattrs);
  return header;
}

}  // namespace msb::archive
