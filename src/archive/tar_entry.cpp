#include "archive/tar_entry.h"

#include <algorithm>

#include "base/bytes.h"

namespace msb::archive {

std::string printable(std::string_view bytes) {
  constexpr size_t kMost = 200;
  const bool utf8 = is_utf8(bytes);
  std::string text;
  for (size_t i = 0; i < bytes.size(); ++i) {
    const auto c = static_cast<unsigned char>(bytes[i]);
    const bool starts_character = (c & 0xC0) != 0x80;
    if (text.size() >= kMost && (starts_character || !utf8)) return text + "...";
    if (c < 0x20 || c == 0x7F || c == '\\' || (c >= 0x80 && !utf8)) {
      text += "\\x" + to_hex(as_bytes(bytes.substr(i, 1)));
    } else {
      text.push_back(bytes[i]);
    }
  }
  return text;
}

Error refuse_member(std::string_view member, std::string_view why) {
  const std::string name = printable(member);
  return Error(Status::image_invalid, "tar member \"" + name + "\": " + std::string(why)).with("member", name);
}

Error refuse_tar(std::string_view why) { return Error(Status::image_invalid, "tar: " + std::string(why)); }

Error refuse_size(const std::string& why, const TarLimits& limits, std::string_view option) {
  return refuse_tar(limits.optional ? why + "; the option " + std::string(option) + " lets in more" : why);
}

TarLimits layer_limits(uint64_t max_file, uint64_t max_data, uint64_t max_entries) {
  constexpr uint64_t kMostBytes = uint64_t{1} << 44;  // EROFS: 2^32 blocks of 4096 bytes
  constexpr uint64_t kMostEntries = uint64_t{1} << 30;
  TarLimits limits;
  limits.optional = true;
  limits.max_file = max_file != 0 ? std::min(max_file, kMostBytes) : uint64_t{64} << 30;
  limits.max_data = max_data != 0 ? std::min(max_data, kMostBytes) : uint64_t{256} << 30;
  if (max_entries != 0) limits.max_entries = std::min(max_entries, kMostEntries);
  return limits;
}

uint64_t max_tar_size(const TarLimits& limits) {
  constexpr uint64_t kHeaders = 4096;  // of a member, with its padding; longer ones are few
  return limits.max_data + limits.max_entries * kHeaders;
}

}  // namespace msb::archive
