#include "snapshot/group.h"

#include <algorithm>

#include "json/parse.h"
#include "json/write.h"
#include "snapshot/descriptor_fields.h"
#include "snapshot/timestamp.h"

namespace msb::snapshot {
namespace {

constexpr std::string_view kMemberSchema = "microsandbox.snapshot/1";
constexpr size_t kMaxLayers = 128;

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
  if (!is_group_id(text, prefix)) return node.fault("is not " + std::string(prefix) + " and 32 hexadecimal digits");
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

Result<Layer> read_layer(const Node& node, const json::Value& backing, uint64_t virtual_size) {
  MSB_CHECK(only_known(node, {"backing", "format", "layer_id", "payload", "virtual_size"}));
  Layer layer;
  MSB_TRY(layer.id, id_at(node, "layer_id", kLayerPrefix));
  MSB_TRY(const Node below, node.member("backing"));
  if (below.value() != backing) return beyond(below, "is not the layer before it");
  MSB_TRY(const Node format, node.member("format"));
  MSB_TRY(layer.format, format.string());
  if (layer.format != "raw" && layer.format != "qcow2") return beyond(format, "is \"" + layer.format + "\"");
  if (layer.format == "raw" && !backing.is_null()) return beyond(format, "is \"raw\", over another layer");
  MSB_TRY(const Node size, node.member("virtual_size"));
  MSB_TRY(const uint64_t bytes, size.u64(kMaxSafeInteger));
  if (bytes != virtual_size) return size.fault("differs from that of the disk");
  MSB_TRY(const Node payload, node.member("payload"));
  MSB_CHECK(only_known(payload, {"file_kind", "integrity"}));
  MSB_CHECK(demand(payload, "file_kind", "regular"));
  MSB_TRY(const Node integrity, payload.member("integrity"));
  if (!integrity.is_null()) {
    // The size that it names is that of the file, which for qcow2 only the file tells.
    const auto recorded = integrity.value().find("logical_size");
    const bool own_size = layer.format == "qcow2" && recorded != nullptr;
    MSB_TRY(layer.integrity,
            read_integrity(integrity, Form::snapshot, own_size ? recorded->u64().value_or(0) : virtual_size));
  }
  return layer;
}

Done read_layers(const Node& root, Descriptor& descriptor) {
  MSB_TRY(const Node state, root.member("state"));
  MSB_CHECK(demand(state, "kind", "file"));
  MSB_CHECK(only_known(state, {"disk_format", "filesystem", "head", "kind", "layers", "virtual_size"}));
  MSB_TRY(descriptor.fstype, filled_text(state, "filesystem"));
  MSB_TRY(const Node size, state.member("virtual_size"));
  MSB_TRY(descriptor.upper_size, size.u64(kMaxSafeInteger));
  MSB_TRY(const Node list, state.member("layers"));
  MSB_TRY(const std::vector<Node> nodes, list.elements());
  if (nodes.empty()) return list.fault("is empty");
  if (nodes.size() > kMaxLayers) return beyond(list, "has more than " + std::to_string(kMaxLayers) + " layers");
  std::vector<Layer>& layers = descriptor.membership->layers;
  for (const Node& node : nodes) {
    const json::Value backing = layers.empty() ? json::Value() : json::Value(layers.back().id);
    MSB_TRY(Layer layer, read_layer(node, backing, descriptor.upper_size));
    if (std::ranges::find(layers, layer.id, &Layer::id) != layers.end()) return node.fault("is there twice");
    layers.push_back(std::move(layer));
  }
  const Layer& head = layers.back();
  MSB_CHECK(expect(state, "head", head.id));
  MSB_CHECK(expect(state, "disk_format", head.format));
  descriptor.format = head.format;
  descriptor.upper_file = layer_file(head);
  if (!is_layered(descriptor)) descriptor.integrity = head.integrity;
  return {};
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

bool is_group_id(std::string_view text, std::string_view prefix) {
  return text.starts_with(prefix) && text.size() == prefix.size() + 32 &&
         text.find_first_not_of("0123456789abcdef", prefix.size()) == std::string_view::npos;
}

std::string layer_file(const Layer& layer) { return "layers/" + layer.id + "." + layer.format; }

bool is_layered(const Descriptor& descriptor) {
  return descriptor.membership && (descriptor.membership->layers.size() > 1 || descriptor.format != "raw");
}

Done read_group_member(const Node& root, Descriptor& descriptor) {
  descriptor.form = Form::member;
  descriptor.membership.emplace();
  MSB_CHECK(demand(root, "schema", kMemberSchema));
  MSB_CHECK(demand(root, "scope", "file"));
  MSB_CHECK(only_known(root, {"capture", "extensions", "image", "parent", "requires", "root_disk", "schema", "scope",
                              "snapshot_id", "state"}));
  MSB_TRY(descriptor.membership->id, id_at(root, "snapshot_id", kMemberPrefix));
  MSB_TRY(const Node parent, root.member("parent"));
  if (!parent.is_null()) {
    MSB_TRY(descriptor.parent, id_at(root, "parent", kMemberPrefix));
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
  return check_numbers(extensions);
}

std::string member_bytes(const Descriptor& descriptor) {
  const Membership& membership = *descriptor.membership;
  json::Array layers;
  json::Value backing;
  for (const Layer& layer : membership.layers) {
    json::Value integrity;
    if (layer.integrity) integrity = integrity_value(*layer.integrity, Form::snapshot);
    layers.emplace_back(json::Object{{"backing", backing},
                                     {"format", layer.format},
                                     {"layer_id", layer.id},
                                     {"payload", json::Object{{"file_kind", "regular"}, {"integrity", integrity}}},
                                     {"virtual_size", descriptor.upper_size}});
    backing = layer.id;
  }
  const json::Value state = json::Object{{"disk_format", descriptor.format},
                                         {"filesystem", descriptor.fstype},
                                         {"head", membership.layers.back().id},
                                         {"kind", "file"},
                                         {"layers", layers},
                                         {"virtual_size", descriptor.upper_size}};
  const json::Value capture = json::Object{{"consistency", membership.consistency},
                                           {"created_at", descriptor.created_at},
                                           {"source_checkpoint", membership.source_checkpoint},
                                           {"source_lineage", descriptor.source_sandbox}};
  const json::Value image =
      json::Object{{"manifest_digest", descriptor.image_digest}, {"reference", descriptor.image_ref}};
  return json::write(in_utf16_order(json::Object{{"capture", capture},
                                                 {"extensions", descriptor.extensions},
                                                 {"image", image},
                                                 {"parent", descriptor.parent},
                                                 {"requires", requirements_of(descriptor)},
                                                 {"root_disk", json::Object{{"layout", "managed"}}},
                                                 {"schema", kMemberSchema},
                                                 {"scope", "file"},
                                                 {"snapshot_id", membership.id},
                                                 {"state", state}}));
}

std::optional<std::string> recorded_user(const Descriptor& descriptor) {
  const auto defaults = std::ranges::find(descriptor.extensions, kRestoreDefaults, &json::Member::name);
  if (defaults == descriptor.extensions.end()) return std::nullopt;
  const json::Object* const members = defaults->value.object();
  if (members == nullptr || members->size() != 1) return std::nullopt;
  const json::Value* const user = defaults->value.find("user");
  return user == nullptr || user->string() == nullptr ? std::nullopt : std::optional(*user->string());
}

Result<std::map<std::string, std::string>> parse_member_labels(std::string_view text) {
  return parse_beside(text, "microsandbox.snapshot-metadata/1", "labels", labels_at);
}

Result<std::string> parse_member_name(std::string_view text) {
  return parse_beside(text, "microsandbox.snapshot-group-member/1", "name",
                      [](const Node& root) { return filled_text(root, "name"); });
}

Result<std::string> parse_group_head(std::string_view text) {
  return parse_beside(text, "microsandbox.snapshot-group/1", "head",
                      [](const Node& root) { return id_at(root, "head", kMemberPrefix); });
}

}  // namespace msb::snapshot
