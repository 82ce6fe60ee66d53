#include "snapshot/sidecar.h"

#include "json/parse.h"
#include "json/write.h"

namespace msb::snapshot {
namespace {

using json::Node;

/// Fails unless the member is just that.
Done expect(const Node& owner, std::string_view name, const json::Value& value) {
  MSB_TRY(const Node node, owner.member(name));
  if (node.value() != value) return node.fault("is not " + json::write(value));
  return {};
}

}  // namespace

std::string sidecar_bytes(const Descriptor& descriptor, const Integrity& integrity) {
  const json::Value upper = json::Object{{"file", descriptor.upper_file},
                                         {"size_bytes", descriptor.upper_size},
                                         {"integrity", integrity_value(integrity, Form::snapshot)}};
  return json::write(json::Object{{"schema", 1}, {"artifact", "snapshot-integrity"}, {"upper", upper}});
}

Result<Integrity> parse_sidecar(std::string_view text, const Descriptor& descriptor) {
  json::ParseOptions options;
  options.max_bytes = kMaxSidecar;
  options.status = Status::snapshot_integrity;
  auto integrity = [&]() -> Result<Integrity> {
    MSB_TRY(const json::Value document, json::parse(text, options));
    const Node root(document, options.status);
    MSB_CHECK(root.only({"schema", "artifact", "upper"}));
    MSB_CHECK(expect(root, "schema", 1));
    MSB_CHECK(expect(root, "artifact", "snapshot-integrity"));
    MSB_TRY(const Node upper, root.member("upper"));
    MSB_CHECK(upper.only({"file", "size_bytes", "integrity"}));
    MSB_CHECK(expect(upper, "file", descriptor.upper_file));
    MSB_CHECK(expect(upper, "size_bytes", descriptor.upper_size));
    MSB_TRY(const Node record, upper.member("integrity"));
    return read_integrity(record, Form::snapshot, descriptor.upper_size);
  }();
  if (!integrity) return std::move(integrity).error().in(kSidecarName);
  return integrity;
}

Result<std::optional<Integrity>> read_sidecar(os::Fs& fs, const Artifact& artifact) {
  MSB_TRY(const os::File dir, os::open_dir(fs, artifact.path));
  MSB_TRY(const auto text, read_member(dir, kSidecarName, kMaxSidecar));
  if (!text) return std::optional<Integrity>();
  auto integrity = parse_sidecar(*text, artifact.descriptor);
  if (!integrity)
    return std::move(integrity).error().in(artifact.path).with("path", os::join_path(artifact.path, kSidecarName));
  return std::optional(*std::move(integrity));
}

}  // namespace msb::snapshot
