#include "snapshot/descriptor_fields.h"

#include "digest/digest.h"

namespace msb::snapshot {

bool is_loose_digest(std::string_view text) {
  const size_t colon = text.find(':');
  return colon != std::string_view::npos && colon > 0 && colon + 1 < text.size();
}

bool is_strict_digest(std::string_view text) {
  const auto digest = Digest::parse(text);
  return digest && digest->is_sha256();
}

Done check_digest(const Node& node, std::string_view text, Form form, std::string_view algorithm) {
  if (form == Form::manifest) {
    if (!is_loose_digest(text)) return node.fault("is not a digest");
    return {};
  }
  const auto digest = Digest::parse(text);
  if (!digest || digest->algorithm() != algorithm) {
    return node.fault("is not " + std::string(algorithm) + ": and 64 lower-case hexadecimal digits");
  }
  return {};
}

Result<std::string> filled_text(const Node& owner, std::string_view name) {
  MSB_TRY(const Node node, owner.member(name));
  MSB_TRY(const std::string_view text, node.string());
  if (text.empty()) return node.fault("is empty");
  return std::string(text);
}

Result<std::optional<std::string>> text_or_null(const Node& owner, std::string_view name) {
  MSB_TRY(const Node node, owner.member(name));
  if (node.is_null()) return std::optional<std::string>();
  MSB_TRY(const std::string_view text, node.string());
  return std::optional<std::string>(text);
}

Result<std::string> digest_at(const Node& owner, std::string_view name, Form form, std::string_view algorithm) {
  MSB_TRY(const Node node, owner.member(name));
  MSB_TRY(const std::string_view text, node.string());
  MSB_CHECK(check_digest(node, text, form, algorithm));
  return std::string(text);
}

Done expect(const Node& owner, std::string_view name, std::string_view value) {
  MSB_TRY(const Node node, owner.member(name));
  MSB_TRY(const std::string_view text, node.string());
  if (text != value) return node.fault("is not \"" + std::string(value) + "\"");
  return {};
}

Result<std::map<std::string, std::string>> labels_at(const Node& owner) {
  MSB_TRY(const Node node, owner.member("labels"));
  MSB_TRY(auto labels, node.string_map());
  std::map<std::string, std::string> sorted;
  for (auto& [key, value] : labels) sorted.emplace(std::move(key), std::move(value));
  return sorted;
}

Done read_requirements(const Node& root, Descriptor& descriptor) {
  MSB_TRY(const Node extensions, root.member("extensions"));
  MSB_TRY(const auto members, extensions.members());
  for (const auto& [name, node] : members) descriptor.extensions.push_back({std::string(name), node.value()});
  MSB_TRY(const Node requirements, root.member("requires"));
  MSB_TRY(descriptor.requirements, requirements.strings());
  std::string_view before;
  for (const std::string& key : descriptor.requirements) {
    if (key.empty() || key <= before) return requirements.fault("is not strictly increasing");
    if (extensions.value().find(key) == nullptr) return requirements.fault("names no extension: " + key);
    before = key;
  }
  return {};
}

json::Array requirements_of(const Descriptor& descriptor) {
  return {descriptor.requirements.begin(), descriptor.requirements.end()};
}

}  // namespace msb::snapshot
