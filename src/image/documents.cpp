#include "image/documents.h"

#include <cerrno>

#include "base/found.h"
#include "erofs/vmdk.h"
#include "json/node.h"
#include "json/parse.h"
#include "os/dir.h"

namespace msb::image {
namespace {

Result<std::string> text_member(const json::Node& node, std::string_view name) {
  MSB_TRY(const json::Node member, node.member(name));
  MSB_TRY(const std::string_view text, member.string());
  return std::string(text);
}

}  // namespace

bool plainly_of(std::string_view document, std::string_view manifest_digest) {
  // Within a string the quotes would be escaped, so this is a member and not something that a raw document says.
  std::string member = "\"manifest_digest\":\"";
  member += manifest_digest;
  member += '"';
  return document.find(member) != std::string_view::npos;
}

std::vector<std::string> layers_of_vmdk(std::string_view descriptor) {
  constexpr std::string_view kSuffix = ".erofs";
  std::vector<std::string> names;
  const auto extents = erofs::parse_vmdk(descriptor);
  if (!extents) return names;
  for (size_t i = 1; i < extents->size(); ++i) {  // the first is the fsmeta
    std::string name = os::base_name((*extents)[i].path);
    if (!name.ends_with(kSuffix)) continue;
    name.resize(name.size() - kSuffix.size());
    names.push_back(std::move(name));
  }
  return names;
}

Result<std::optional<std::string>> read_document(const Context& context, const std::string& path, size_t limit) {
  auto text = os::read_small(context.fs, AT_FDCWD, path, limit);
  if (!text && is_unfit(text.error())) return std::optional<std::string>();
  return if_there(std::move(text));
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
