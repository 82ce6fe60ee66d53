#pragma once

#include <array>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace msb::test {

/// A tar header, field by field; what is written is exactly this.
struct TarMember {
  std::string name;
  char type = '0';
  std::string body = {};
  std::string link = {};
  uint32_t mode = 0644;
  uint32_t uid = 0;
  uint32_t gid = 0;
  int64_t mtime = 1700000000;
  uint32_t major = 0;
  uint32_t minor = 0;
  std::string prefix = {};
  std::string magic = std::string(
      "ustar\0"
      "00",
      8);
  std::optional<uint64_t> size = {};                         ///< instead of the body's
  std::vector<std::pair<size_t, std::string>> patches = {};  ///< bytes at offsets of the header, before the checksum
};

inline const std::string kGnuMagic("ustar  \0", 8);

/// Builds tar bytes with control over every one of them. Nothing is added on its own, least of all an end marker.
class TarBuilder {
 public:
  TarBuilder& add(const TarMember& member) {
    std::string header(512, '\0');
    put(header, 0, member.name.substr(0, 100));
    put(header, 100, octal(member.mode, 7));
    put(header, 108, octal(member.uid, 7));
    put(header, 116, octal(member.gid, 7));
    put(header, 124, octal(member.size.value_or(member.body.size()), 11));
    put(header, 136, octal(static_cast<uint64_t>(member.mtime), 11));
    header[156] = member.type;
    put(header, 157, member.link.substr(0, 100));
    put(header, 257, member.magic);
    if (member.type == '3' || member.type == '4') {
      put(header, 329, octal(member.major, 7));
      put(header, 337, octal(member.minor, 7));
    }
    put(header, 345, member.prefix);
    for (const auto& [offset, bytes] : member.patches) put(header, offset, bytes);
    seal(header);
    text_ += header;
    return raw(padded(member.body));
  }
  TarBuilder& add(const std::string& name, const std::string& body) { return add({.name = name, .body = body}); }
  TarBuilder& directory(const std::string& name, uint32_t mode = 0755) {
    return add({.name = name, .type = '5', .mode = mode});
  }
  TarBuilder& link(const std::string& name, const std::string& target) {
    return add({.name = name, .type = '1', .link = target});
  }
  TarBuilder& symlink(const std::string& name, const std::string& target) {
    return add({.name = name, .type = '2', .link = target, .mode = 0777});
  }
  TarBuilder& pax(const std::vector<std::pair<std::string, std::string>>& records, char type = 'x') {
    std::string body;
    for (const auto& [key, value] : records) body += pax_record(key, value);
    return add({.name = "././@PaxHeader", .type = type, .body = body});
  }
  TarBuilder& gnu_long(char type, const std::string& text) {
    return add({.name = "././@LongLink", .type = type, .body = text + '\0', .magic = kGnuMagic});
  }
  TarBuilder& raw(const std::string& bytes) {
    text_ += bytes;
    return *this;
  }
  TarBuilder& end() { return raw(std::string(1024, '\0')); }
  const std::string& str() const { return text_; }

  static std::string pax_record(const std::string& key, const std::string& value) {
    const size_t rest = key.size() + value.size() + 3;
    size_t length = rest + 1;
    while (rest + std::to_string(length).size() != length) ++length;
    return std::to_string(length) + " " + key + "=" + value + "\n";
  }
  static std::string octal(uint64_t value, int digits) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%0*llo", digits, static_cast<unsigned long long>(value));
    return text.data();
  }
  static std::string padded(std::string bytes) {
    bytes.resize((bytes.size() + 511) / 512 * 512, '\0');
    return bytes;
  }
  /// Sets the checksum of a header.
  static void seal(std::string& header) {
    put(header, 148, "        ");
    uint64_t sum = 0;
    for (const char c : header) sum += static_cast<unsigned char>(c);
    put(header, 148, octal(sum, 6) + std::string("\0 ", 2));
  }

 private:
  static void put(std::string& header, size_t offset, std::string_view bytes) {
    header.replace(offset, bytes.size(), bytes);
  }

  std::string text_;
};

}  // namespace msb::test
