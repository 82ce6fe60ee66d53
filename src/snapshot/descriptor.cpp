#include "snapshot/descriptor.h"

#include <algorithm>
#include <array>

#include "json/parse.h"
#include "json/write.h"
#include "snapshot/integrity.h"
#include "snapshot/timestamp.h"

namespace msb::snapshot {
namespace {

using json::Node;

constexpr std::string_view kMemberSchema = "microsandbox.snapshot/1";
constexpr uint64_t kMaxSafeInteger = (uint64_t{1} << 53) - 1;

/// microsandbox up to 0.6.6 takes for a digest whatever has a colon inside.
bool is_loose_digest(std::string_view text) {
  const size_t colon = text.find(':');
  return colon != std::string_view::npos && colon > 0 && colon + 1 < text.size();
}

Done check_digest(const Node& node, std::string_view text, Form form, std::string_view algorithm = "sha256") {
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

/// A member that must be there and may be null.
Result<std::optional<std::string>> text_or_null(const Node& owner, std::string_view name) {
  MSB_TRY(const Node node, owner.member(name));
  if (node.is_null()) return std::optional<std::string>();
  MSB_TRY(const std::string_view text, node.string());
  return std::optional<std::string>(text);
}

Result<std::string> digest_at(const Node& owner, std::string_view name, Form form,
                              std::string_view algorithm = "sha256") {
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

Done read_image(const Node& root, Descriptor& descriptor) {
  MSB_TRY(const Node image, root.member("image"));
  MSB_CHECK(image.only({"ref", "manifest_digest"}));
  MSB_TRY(descriptor.image_ref, filled_text(image, "ref"));
  MSB_TRY(descriptor.image_digest, digest_at(image, "manifest_digest", descriptor.form));
  return {};
}

Done read_labels(const Node& root, Descriptor& descriptor) {
  MSB_TRY(const Node node, root.member("labels"));
  MSB_TRY(auto labels, node.string_map());
  for (auto& [key, value] : labels) descriptor.labels.emplace(std::move(key), std::move(value));
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
  MSB_CHECK(read_labels(root, descriptor));
  MSB_CHECK(read_upper(root, descriptor));
  MSB_TRY(descriptor.source_sandbox, text_or_null(root, "source_sandbox"));
  return descriptor;
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
  MSB_CHECK(read_labels(root, descriptor));
  MSB_CHECK(read_requirements(root, descriptor));
  return descriptor;
}

/// What is sound, but more than can be read here.
Error beyond(const Node& node, const std::string& what) {
  return Node(node.value(), Status::unsupported, node.path()).fault(what + ", which needs microsandbox 0.7");
}

/// A member that is not known is no damage: a later release may have added it.
Done only_known(const Node& node, std::initializer_list<std::string_view> names) {
  return Node(node.value(), Status::unsupported, node.path()).only(names);
}

/// The only value that can be read here.
Done demand(const Node& owner, std::string_view name, std::string_view value) {
  MSB_TRY(const Node node, owner.member(name));
  MSB_TRY(const std::string_view text, node.string());
  if (text != value) return beyond(node, "is \"" + std::string(text) + "\", not \"" + std::string(value) + "\"");
  return {};
}

Result<std::string> id_at(const Node& owner, std::string_view name, std::string_view prefix) {
  MSB_TRY(const Node node, owner.member(name));
  MSB_TRY(const std::string_view text, node.string());
  const bool fits = text.starts_with(prefix) && text.size() == prefix.size() + 32 &&
                    text.find_first_not_of("0123456789abcdef", prefix.size()) == std::string_view::npos;
  if (!fits) return node.fault("is not " + std::string(prefix) + " and 32 hexadecimal digits");
  return std::string(text);
}

/// RFC 8785 is about doubles; those that microsandbox takes are integers.
Done check_numbers(const Node& node) {
  if (node.value().number()) {
    const auto magnitude = node.value().u64().value_or(0);
    const auto number = node.value().i64();
    const bool in_range = number && magnitude <= kMaxSafeInteger && *number >= -static_cast<int64_t>(kMaxSafeInteger);
    return in_range ? Done() : node.fault("is not an integer within 53 bits");
  }
  if (node.value().array() != nullptr) {
    MSB_TRY(const auto elements, node.elements());
    for (const Node& element : elements) MSB_CHECK(check_numbers(element));
  }
  if (node.value().object() != nullptr) {
    MSB_TRY(const auto members, node.members());
    for (const auto& [name, member] : members) MSB_CHECK(check_numbers(member));
  }
  return {};
}

/// The order of names in RFC 8785, by UTF-16 units: what takes two of them (F0 to F4 in UTF-8) comes before U+E000 and
/// above (EE, EF).
bool before_in_utf16(std::string_view a, std::string_view b) {
  const auto rank = [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0xF0) return byte - 2;
    return byte >= 0xEE ? byte + 0x10 : static_cast<int>(byte);
  };
  return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(),
                                      [rank](char x, char y) { return rank(x) < rank(y); });
}

json::Value in_utf16_order(const json::Value& value) {
  if (value.array() != nullptr) {
    json::Array array;
    for (const json::Value& element : *value.array()) array.push_back(in_utf16_order(element));
    return array;
  }
  if (value.object() == nullptr) return value;
  json::Object object;
  for (const json::Member& member : *value.object()) object.push_back({member.name, in_utf16_order(member.value)});
  std::sort(object.begin(), object.end(),
            [](const json::Member& a, const json::Member& b) { return before_in_utf16(a.name, b.name); });
  return object;
}

Done read_capture(const Node& root, Descriptor& descriptor) {
  MSB_TRY(const Node capture, root.member("capture"));
  MSB_CHECK(only_known(capture, {"consistency", "created_at", "source_checkpoint", "source_lineage"}));
  MSB_TRY(descriptor.membership->consistency, filled_text(capture, "consistency"));
  MSB_TRY(descriptor.membership->source_checkpoint, text_or_null(capture, "source_checkpoint"));
  MSB_TRY(descriptor.source_sandbox, text_or_null(capture, "source_lineage"));
  MSB_TRY(const Node created, capture.member("created_at"));
  MSB_TRY(const std::string_view text, created.string());
  auto normal = normalize_timestamp(text);
  if (!normal) return created.fault("is not an RFC 3339 time");
  // Here the fraction has always nine digits.
  normal->pop_back();
  if (normal->find('.') == std::string::npos) *normal += '.';
  normal->append(9 - (normal->size() - normal->find('.') - 1), '0');
  descriptor.created_at = *normal + 'Z';
  return {};
}

Done read_layer(const Node& state, Descriptor& descriptor) {
  MSB_TRY(const Node layers, state.member("layers"));
  MSB_TRY(const std::vector<Node> elements, layers.elements());
  if (elements.empty()) return layers.fault("is empty");
  if (elements.size() > 1) return beyond(layers, "has " + std::to_string(elements.size()) + " layers");
  const Node& layer = elements.front();
  MSB_CHECK(only_known(layer, {"backing", "format", "layer_id", "payload", "virtual_size"}));
  MSB_TRY(const Node backing, layer.member("backing"));
  if (!backing.is_null()) return beyond(backing, "is another layer");
  MSB_CHECK(demand(layer, "format", "raw"));
  MSB_TRY(descriptor.membership->layer_id, id_at(layer, "layer_id", "layer_"));
  MSB_TRY(const Node size, layer.member("virtual_size"));
  MSB_TRY(descriptor.upper_size, size.u64(kMaxSafeInteger));
  MSB_TRY(const Node payload, layer.member("payload"));
  MSB_CHECK(only_known(payload, {"file_kind", "integrity"}));
  MSB_CHECK(demand(payload, "file_kind", "regular"));
  MSB_TRY(const Node integrity, payload.member("integrity"));
  if (!integrity.is_null()) {
    MSB_TRY(descriptor.integrity, read_integrity(integrity, Form::snapshot, descriptor.upper_size));
  }
  return {};
}

Done read_layers(const Node& root, Descriptor& descriptor) {
  MSB_TRY(const Node state, root.member("state"));
  MSB_CHECK(demand(state, "kind", "file"));
  MSB_CHECK(only_known(state, {"disk_format", "filesystem", "head", "kind", "layers", "virtual_size"}));
  MSB_CHECK(demand(state, "disk_format", "raw"));
  MSB_TRY(descriptor.fstype, filled_text(state, "filesystem"));
  MSB_CHECK(read_layer(state, descriptor));
  MSB_CHECK(expect(state, "head", descriptor.membership->layer_id));
  MSB_TRY(const Node size, state.member("virtual_size"));
  MSB_TRY(const uint64_t virtual_size, size.u64());
  if (virtual_size != descriptor.upper_size) return size.fault("differs from that of the layer");
  descriptor.upper_file = "layers/" + descriptor.membership->layer_id + ".raw";
  return {};
}

Result<Descriptor> read_group_member(const Node& root) {
  Descriptor descriptor;
  descriptor.form = Form::member;
  descriptor.membership.emplace();
  MSB_CHECK(demand(root, "schema", kMemberSchema));
  MSB_CHECK(demand(root, "scope", "file"));
  MSB_CHECK(only_known(root, {"capture", "extensions", "image", "parent", "requires", "root_disk", "schema", "scope",
                              "snapshot_id", "state"}));
  MSB_TRY(descriptor.membership->id, id_at(root, "snapshot_id", "snap_"));
  MSB_TRY(const Node parent, root.member("parent"));
  if (!parent.is_null()) {
    MSB_TRY(descriptor.parent, id_at(root, "parent", "snap_"));
  }
  MSB_CHECK(read_capture(root, descriptor));
  MSB_TRY(const Node image, root.member("image"));
  MSB_CHECK(only_known(image, {"manifest_digest", "reference"}));
  MSB_TRY(descriptor.image_ref, filled_text(image, "reference"));
  MSB_TRY(descriptor.image_digest, digest_at(image, "manifest_digest", descriptor.form));
  MSB_TRY(const Node root_disk, root.member("root_disk"));
  MSB_CHECK(only_known(root_disk, {"layout"}));
  MSB_CHECK(demand(root_disk, "layout", "managed"));
  MSB_CHECK(read_layers(root, descriptor));
  MSB_CHECK(read_requirements(root, descriptor));
  MSB_TRY(const Node extensions, root.member("extensions"));
  MSB_CHECK(check_numbers(extensions));
  return descriptor;
}

std::string member_bytes(const Descriptor& descriptor) {
  const Membership& membership = *descriptor.membership;
  json::Value integrity;
  if (descriptor.integrity) integrity = integrity_value(*descriptor.integrity, Form::snapshot);
  const json::Value layer = json::Object{{"backing", nullptr},
                                         {"format", "raw"},
                                         {"layer_id", membership.layer_id},
                                         {"payload", json::Object{{"file_kind", "regular"}, {"integrity", integrity}}},
                                         {"virtual_size", descriptor.upper_size}};
  const json::Value state = json::Object{{"disk_format", descriptor.format}, {"filesystem", descriptor.fstype},
                                         {"head", membership.layer_id},      {"kind", "file"},
                                         {"layers", json::Array{layer}},     {"virtual_size", descriptor.upper_size}};
  const json::Value capture = json::Object{{"consistency", membership.consistency},
                                           {"created_at", descriptor.created_at},
                                           {"source_checkpoint", membership.source_checkpoint},
                                           {"source_lineage", descriptor.source_sandbox}};
  const json::Value image =
      json::Object{{"manifest_digest", descriptor.image_digest}, {"reference", descriptor.image_ref}};
  json::Array requirements;
  for (const std::string& key : descriptor.requirements) requirements.emplace_back(key);
  return json::write(in_utf16_order(json::Object{{"capture", capture},
                                                 {"extensions", descriptor.extensions},
                                                 {"image", image},
                                                 {"parent", descriptor.parent},
                                                 {"requires", requirements},
                                                 {"root_disk", json::Object{{"layout", "managed"}}},
                                                 {"schema", kMemberSchema},
                                                 {"scope", "file"},
                                                 {"snapshot_id", membership.id},
                                                 {"state", state}}));
}

/// Reads a file beside a descriptor: `read` gets an object with that schema and `name`.
template <typename Read>
auto parse_beside(std::string_view text, std::string_view schema, std::string_view name, Read read)
    -> decltype(read(std::declval<const Node&>())) {
  json::ParseOptions options;
  options.max_bytes = kMaxDescriptor;
  options.status = Status::snapshot_integrity;
  MSB_TRY(const json::Value document, json::parse(text, options));
  const Node root(document, options.status);
  MSB_CHECK(demand(root, "schema", schema));
  MSB_CHECK(only_known(root, {"schema", name}));
  return read(root);
}

}  // namespace

Result<std::map<std::string, std::string>> parse_member_labels(std::string_view text) {
  using Labels = std::map<std::string, std::string>;
  auto labels =
      parse_beside(text, "microsandbox.snapshot-metadata/1", "labels", [](const Node& root) -> Result<Labels> {
        Descriptor descriptor;
        MSB_CHECK(read_labels(root, descriptor));
        return std::move(descriptor.labels);
      });
  if (!labels) return std::move(labels).error().in(kMemberLabels);
  return labels;
}

Result<std::string> parse_member_name(std::string_view text) {
  auto name = parse_beside(text, "microsandbox.snapshot-group-member/1", "name",
                           [](const Node& root) { return filled_text(root, "name"); });
  if (!name) return std::move(name).error().in(kMemberName);
  return name;
}

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
    if (form == Form::member) return read_group_member(root);
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
  json::Array requirements;
  for (const std::string& key : descriptor.requirements) requirements.emplace_back(key);
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
                                  {"requires", requirements}});
}

Digest identity(const Descriptor& descriptor) { return Digest::sha256_of(as_bytes(canonical_bytes(descriptor))); }

}  // namespace msb::snapshot
