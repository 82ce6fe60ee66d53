#include "runtime/records.h"

#include "base/bytes.h"

namespace msb::runtime {
namespace {

constexpr size_t kHead = 4;

Error malformed(const std::string& what) { return Error(Status::invalid_argument, what); }

}  // namespace

Result<std::string> encode_records(const Records& records) {
  std::string bytes(kHead, '\0');
  for (const auto& [key, value] : records) {
    for (const std::string* text : {&key, &value}) {
      if (text->find('\0') != std::string::npos) return malformed("the value of " + key + " contains a NUL");
      bytes.append(*text).push_back('\0');
    }
  }
  if (bytes.size() - kHead > kMaxRecords) {
    return malformed("command and environment take " + std::to_string(bytes.size()) + " bytes, and may take " +
                     std::to_string(kMaxRecords));
  }
  const auto length = static_cast<uint32_t>(bytes.size() - kHead);
  store_le(std::as_writable_bytes(std::span(bytes.data(), kHead)), 0, length);
  return bytes;
}

Result<Records> decode_records(std::string_view bytes) {
  Records records;
  const auto take = [&]() -> std::optional<std::string> {
    const size_t end = bytes.find('\0');
    if (end == std::string_view::npos) return std::nullopt;
    std::string text(bytes.substr(0, end));
    bytes.remove_prefix(end + 1);
    return text;
  };
  while (!bytes.empty()) {
    auto key = take();
    auto value = key ? take() : std::nullopt;
    if (!value) return malformed("the records of a machine are cut short");
    if (key->empty()) return malformed("a record of a machine has no key");
    records.emplace_back(std::move(*key), std::move(*value));
  }
  return records;
}

}  // namespace msb::runtime
