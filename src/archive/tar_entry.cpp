#include "archive/tar_entry.h"

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

}  // namespace msb::archive
