#include "image/documents.h"

#include "json/node.h"
#include "json/parse.h"

namespace msb::image {
namespace {

Result<std::string> text_member(const json::Node& node, std::string_view name) {
  MSB_TRY(const json::Node member, node.member(name));
  MSB_TRY(const std::string_view text, member.string());
  return std::string(text);
}

}  // namespace

Result<Ties> parse_ties(std::string_view document) {
  const json::ParseOptions options{.max_bytes = kMaxDocument, .status = Status::image_invalid};
  MSB_TRY(const json::Value value, json::parse(document, options));
  const json::Node root(value, Status::image_invalid);
  Ties ties;
  MSB_TRY(ties.manifest_digest, text_member(root, "manifest_digest"));
  MSB_TRY(ties.config_digest, text_member(root, "config_digest"));
  MSB_TRY(const json::Node layers, root.member("layers"));
  MSB_TRY(const std::vector<json::Node> elements, layers.elements());
  for (const json::Node& element : elements) {
    Ties::Layer layer;
    MSB_TRY(layer.diff_id, text_member(element, "diff_id"));
    MSB_TRY(layer.blob_digest, text_member(element, "digest"));
    ties.layers.push_back(std::move(layer));
  }
  MSB_TRY(const std::optional<json::Node> config, root.optional("config"));
  if (!config) return ties;
  MSB_TRY(const std::optional<json::Node> labels, config->optional("labels"));
  if (labels) {
    MSB_TRY(ties.labels, labels->string_map());
  }
  return ties;
}

bool plainly_of(std::string_view document, std::string_view manifest_digest) {
  // Within a string the quotes would be escaped, so this is a member and not something that a raw document says.
  std::string member = "\"manifest_digest\":\"";
  member += manifest_digest;
  member += '"';
  return document.find(member) != std::string_view::npos;
}

std::vector<std::string> layers_of_vmdk(std::string_view descriptor) {
  constexpr std::string_view kFolder = "layers/";
  constexpr std::string_view kSuffix = ".erofs\"";
  std::vector<std::string> names;
  for (size_t at = descriptor.find(kFolder); at != std::string_view::npos; at = descriptor.find(kFolder, at)) {
    at += kFolder.size();
    const size_t end = descriptor.find(kSuffix, at);
    if (end == std::string_view::npos) break;
    const std::string_view name = descriptor.substr(at, end - at);
    if (name.find('/') == std::string_view::npos && name.find('\n') == std::string_view::npos) names.emplace_back(name);
  }
  return names;
}

Result<FlatRecord> parse_flat_record(std::string_view record) {
  MSB_TRY(const json::Value value, json::parse(record, {.status = Status::image_invalid}));
  const json::Node root(value, Status::image_invalid);
  FlatRecord flat;
  MSB_TRY(flat.artifact_digest, text_member(root, "artifact_digest"));
  MSB_TRY(flat.derivation_digest, text_member(root, "derivation_digest"));
  return flat;
}

}  // namespace msb::image
