#include "oci/members.h"

namespace msb::oci {

Result<std::string> required_text(const json::Node& object, std::string_view name) {
  MSB_TRY(const json::Node member, object.member(name));
  MSB_TRY(const std::string_view text, member.string());
  return std::string(text);
}

Result<std::optional<std::string>> optional_text(const json::Node& object, std::string_view name) {
  MSB_TRY(const auto member, object.optional(name));
  if (!member) return std::optional<std::string>();
  MSB_TRY(const std::string_view text, member->string());
  return std::optional<std::string>(text);
}

Result<std::optional<std::vector<std::string>>> optional_strings(const json::Node& object, std::string_view name) {
  MSB_TRY(const auto member, object.optional(name));
  if (!member) return std::optional<std::vector<std::string>>();
  MSB_TRY(auto strings, member->strings());
  return std::optional(std::move(strings));
}

Result<Digest> sha256_digest(const json::Node& node) {
  MSB_TRY(const std::string_view text, node.string());
  auto digest = Digest::parse(text);
  if (!digest) return node.fault("is not a digest");
  if (!digest->is_sha256()) return node.fault("is not a sha256 digest, the only kind that is supported");
  return digest;
}

}  // namespace msb::oci
