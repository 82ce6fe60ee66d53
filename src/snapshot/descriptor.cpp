#include "snapshot/descriptor.h"

#include <algorithm>
#include <array>

#include "json/parse.h"
#include "json/write.h"
#include "snapshot/descriptor_fields.h"
#include "snapshot/group.h"
#include "snapshot/integrity.h"
#include "snapshot/timestamp.h"

namespace msb::snapshot {
namespace {

Done read_image(const Node& root, Descriptor& descriptor) {
  MSB_TRY(const Node image, root.member("image"));
  MSB_CHECK(image.only({"ref", "manifest_digest"}));
  MSB_TRY(descriptor.image_ref, filled_text(image, "ref"));
  MSB_TRY(descriptor.image_digest, digest_at(image, "manifest_digest", descriptor.form));
  return {};
}

Done read_upper(const Node& owner, Descriptor& descriptor) {
  MSB_TRY(const Node format, owner.member("format"));
  MSB_TRY(const std::string_view name, format.string());
  if (name != "raw" && name != "qcow2") return format.fault("is neither \"raw\" nor \"qcow2\"");
  descriptor.format = name;
  MSB_TRY(descriptor.fstype, filled_text(owner, "fstype"));

  MSB_TRY(const Node upper, owner.member("upper"));
  MSB_CHECK(upper.only({"file", "size_bytes", "integrity"}));
  MSB_TRY(const Node file, upper.member("file"));
  MSB_TRY(const std::string_view file_text, file.string());
  if (!is_payload_name(file_text)) return file.fault("is not a plain file name");
  descriptor.upper_file = file_text;
  MSB_TRY(const Node size, upper.member("size_bytes"));
  // Sizes are 64-bit in a manifest; beyond 2^63 no file system has such a file.
  MSB_TRY(descriptor.upper_size, size.u64(descriptor.form == Form::snapshot ? kMaxSafeInteger : INT64_MAX));
  MSB_TRY(const Node integrity, upper.member("integrity"));
  if (!integrity.is_null()) {
    MSB_TRY(descriptor.integrity, read_integrity(integrity, descriptor.form, descriptor.upper_size));
  }
  return {};
}

Result<Descriptor> read_manifest(const Node& root) {
  Descriptor descriptor;
  descriptor.form = Form::manifest;
  MSB_CHECK(
      root.only({"schema", "format", "fstype", "image", "parent", "created_at", "labels", "upper", "source_sandbox"}));
  MSB_CHECK(read_image(root, descriptor));
  MSB_TRY(descriptor.parent, text_or_null(root, "parent"));
  if (descriptor.parent && !is_loose_digest(*descriptor.parent)) return root.fault("parent is not a digest");
  MSB_TRY(const Node created, root.member("created_at"));
  MSB_TRY(descriptor.created_at, created.string());
  MSB_TRY(descriptor.labels, labels_at(root));
  MSB_CHECK(read_upper(root, descriptor));
  MSB_TRY(descriptor.source_sandbox, text_or_null(root, "source_sandbox"));
  return descriptor;
}

Done read_state(const Node& root, Descriptor& descriptor) {
  MSB_TRY(const Node state, root.member("state"));
  MSB_TRY(const Node kind, state.member("kind"));
  MSB_TRY(const std::string_view kind_text, kind.string());
  if (kind_text == "file") {
    MSB_CHECK(state.only({"kind", "format", "fstype", "upper"}));
    if (descriptor.scope != "disk") return root.fault("scope of a file state is not \"disk\"");
    return read_upper(state, descriptor);
  }
  if (kind_text != "checkpoint") return kind.fault("is neither \"file\" nor \"checkpoint\"");
  MSB_CHECK(state.only({"kind", "checkpoint_id", "manifest"}));
  Checkpoint checkpoint;
  MSB_TRY(checkpoint.id, filled_text(state, "checkpoint_id"));
  MSB_TRY(checkpoint.manifest, digest_at(state, "manifest", descriptor.form));
  descriptor.checkpoint = std::move(checkpoint);
  return {};
}

Result<Descriptor> read_snapshot(const Node& root) {
  Descriptor descriptor;
  descriptor.form = Form::snapshot;
  MSB_CHECK(root.only({"schema", "artifact", "scope", "created_at", "parent", "image", "source_sandbox", "state",
                       "labels", "extensions", "requires"}));
  MSB_CHECK(expect(root, "artifact", "snapshot"));
  MSB_TRY(const Node scope, root.member("scope"));
  MSB_TRY(descriptor.scope, scope.string());
  if (descriptor.scope != "disk" && descriptor.scope != "resumable") {
    return scope.fault("is neither \"disk\" nor \"resumable\"");
  }
  MSB_TRY(const Node created, root.member("created_at"));
  MSB_TRY(const std::string_view created_text, created.string());
  const auto normal = normalize_timestamp(created_text);
  if (!normal) return created.fault("is not an RFC 3339 time");
  descriptor.created_at = *normal;
  MSB_TRY(descriptor.parent, text_or_null(root, "parent"));
  if (descriptor.parent) {
    MSB_TRY(const Node parent, root.member("parent"));
    MSB_CHECK(check_digest(parent, *descriptor.parent, descriptor.form));
  }
  MSB_CHECK(read_image(root, descriptor));
  MSB_TRY(descriptor.source_sandbox, text_or_null(root, "source_sandbox"));
  MSB_CHECK(read_state(root, descriptor));
  MSB_TRY(descriptor.labels, labels_at(root));
  MSB_CHECK(read_requirements(root, descriptor));
  return descriptor;
}

}  // namespace

std::string_view file_name(Form form) { return form == Form::manifest ? "manifest.json" : "snapshot.json"; }

bool is_payload_name(std::string_view name) {
  static constexpr auto kReserved = std::to_array<std::string_view>(
      {".", "..", "snapshot.json", "manifest.json", ".manifest.json.legacy", ".snapshot-migration.lock"});
  return !name.empty() && name.find('/') == std::string_view::npos && name.find('\0') == std::string_view::npos &&
         std::find(kReserved.begin(), kReserved.end(), name) == kReserved.end();
}

json::Value integrity_value(const Integrity& integrity, Form form) {
  if (form == Form::snapshot && find_algorithm(integrity.algorithm) == Algorithm::merkle) {
    return json::Object{{"algorithm", integrity.algorithm},
                        {"root", integrity.digest},
                        {"logical_size", integrity.logical_size},
                        {"leaf_size", integrity.leaf_size}};
  }
  return json::Object{{"algorithm", integrity.algorithm}, {"digest", integrity.digest}};
}

Result<Integrity> read_integrity(const Node& node, Form form, uint64_t size) {
  Integrity integrity;
  MSB_TRY(integrity.algorithm, filled_text(node, "algorithm"));
  const auto algorithm = find_algorithm(integrity.algorithm);
  if (form == Form::manifest || algorithm == Algorithm::sparse || algorithm == Algorithm::sha256) {
    MSB_CHECK(node.only({"algorithm", "digest"}));
    MSB_TRY(integrity.digest, digest_at(node, "digest", form));
    return integrity;
  }
  if (!algorithm) return node.fault("has an unknown algorithm " + integrity.algorithm);
  MSB_CHECK(node.only({"algorithm", "root", "logical_size", "leaf_size"}));
  MSB_TRY(integrity.digest, digest_at(node, "root", form, "blake3"));
  MSB_TRY(const Node logical_size, node.member("logical_size"));
  MSB_TRY(integrity.logical_size, logical_size.u64());
  if (integrity.logical_size != size) return logical_size.fault("differs from the size of the disk");
  MSB_TRY(const Node leaf, node.member("leaf_size"));
  MSB_TRY(const uint64_t leaf_size, leaf.u64());
  if (leaf_size != merkle::kLeafBytes) return leaf.fault("is not 65536");
  integrity.leaf_size = merkle::kLeafBytes;
  return integrity;
}

Result<Descriptor> parse_descriptor(std::string_view text, Form form) {
  json::ParseOptions options;
  options.max_bytes = kMaxDescriptor;
  options.status = Status::snapshot_integrity;
  auto document = json::parse(text, options);
  if (!document) return std::move(document).error().in(file_name(form));
  const Node root(*document, Status::snapshot_integrity);
  auto descriptor = [&]() -> Result<Descriptor> {
    if (form == Form::member) {
      Descriptor member;
      MSB_CHECK(read_group_member(root, member));
      return member;
    }
    MSB_TRY(const Node schema, root.member("schema"));
    MSB_TRY(const uint64_t number, schema.u64());
    if (number != 1) return schema.fault(std::to_string(number) + " is not supported");
    return form == Form::manifest ? read_manifest(root) : read_snapshot(root);
  }();
  if (!descriptor) return std::move(descriptor).error().in(file_name(form));
  return descriptor;
}

std::string canonical_bytes(const Descriptor& descriptor) {
  if (descriptor.form == Form::member) return member_bytes(descriptor);
  const json::Value image = json::Object{{"ref", descriptor.image_ref}, {"manifest_digest", descriptor.image_digest}};
  json::Value integrity;
  if (descriptor.integrity) integrity = integrity_value(*descriptor.integrity, descriptor.form);
  const json::Value upper =
      json::Object{{"file", descriptor.upper_file}, {"size_bytes", descriptor.upper_size}, {"integrity", integrity}};
  json::Object labels;
  for (const auto& [key, value] : descriptor.labels) labels.push_back({key, value});
  if (descriptor.form == Form::manifest) {
    return json::write(json::Object{{"schema", 1},
                                    {"format", descriptor.format},
                                    {"fstype", descriptor.fstype},
                                    {"image", image},
                                    {"parent", descriptor.parent},
                                    {"created_at", descriptor.created_at},
                                    {"labels", labels},
                                    {"upper", upper},
                                    {"source_sandbox", descriptor.source_sandbox}});
  }
  json::Value state;
  if (descriptor.checkpoint) {
    state = json::Object{{"kind", "checkpoint"},
                         {"checkpoint_id", descriptor.checkpoint->id},
                         {"manifest", descriptor.checkpoint->manifest}};
  } else {
    state =
        json::Object{{"kind", "file"}, {"format", descriptor.format}, {"fstype", descriptor.fstype}, {"upper", upper}};
  }
  return json::write(json::Object{{"schema", 1},
                                  {"artifact", "snapshot"},
                                  {"scope", descriptor.scope},
                                  {"created_at", descriptor.created_at},
                                  {"parent", descriptor.parent},
                                  {"image", image},
                                  {"source_sandbox", descriptor.source_sandbox},
                                  {"state", state},
                                  {"labels", labels},
                                  {"extensions", json::sorted(json::Value(descriptor.extensions))},
                                  {"requires", requirements_of(descriptor)}});
}

Digest identity(const Descriptor& descriptor) { return Digest::sha256_of(as_bytes(canonical_bytes(descriptor))); }

}  // namespace msb::snapshot
