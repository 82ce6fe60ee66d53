#include "json/node.h"

#include <algorithm>

namespace msb::json {
namespace {

std::string join(const std::string& path, std::string_view name) {
  std::string joined = path;
  if (!joined.empty()) joined += '.';
  joined += name;
  return joined;
}

}  // namespace

Error Node::fault(std::string_view what) const {
  std::string detail = path_.empty() ? "the document" : path_;
  detail += ' ';
  detail += what;
  return Error(status_, detail).with("member", path_);
}

Node Node::child(const Member& member) const { return Node(member.value, status_, join(path_, member.name)); }

Result<const Object*> Node::object() const {
  const Object* members = value_->object();
  if (members == nullptr) return fault("is not an object");
  return members;
}

Result<Node> Node::member(std::string_view name) const {
  MSB_CHECK(object());
  const Value* value = value_->find(name);
  if (value == nullptr) return Node(*value_, status_, join(path_, name)).fault("is missing");
  return Node(*value, status_, join(path_, name));
}

Result<std::optional<Node>> Node::optional(std::string_view name) const {
  MSB_CHECK(object());
  const Value* value = value_->find(name);
  if (value == nullptr || value->is_null()) return std::optional<Node>();
  return std::optional(Node(*value, status_, join(path_, name)));
}

Result<std::vector<Node>> Node::elements() const {
  const Array* array = value_->array();
  if (array == nullptr) return fault("is not an array");
  std::vector<Node> nodes;
  nodes.reserve(array->size());
  for (const Value& element : *array) {
    nodes.emplace_back(element, status_, path_ + '[' + std::to_string(nodes.size()) + ']');
  }
  return nodes;
}

Result<std::vector<std::pair<std::string_view, Node>>> Node::members() const {
  MSB_TRY(const Object* object, this->object());
  std::vector<std::pair<std::string_view, Node>> nodes;
  nodes.reserve(object->size());
  for (const Member& member : *object) nodes.emplace_back(member.name, child(member));
  return nodes;
}

Done Node::only(std::initializer_list<std::string_view> names) const {
  MSB_TRY(const Object* object, this->object());
  for (const Member& member : *object) {
    if (std::find(names.begin(), names.end(), member.name) == names.end()) return child(member).fault("is not known");
  }
  return {};
}

Result<bool> Node::boolean() const {
  const std::optional<bool> value = value_->boolean();
  if (!value) return fault("is not a boolean");
  return *value;
}

Result<uint64_t> Node::u64(uint64_t max) const {
  const std::optional<uint64_t> value = value_->u64();
  if (!value) return fault("is not an unsigned integer");
  if (*value > max) return fault("is larger than " + std::to_string(max));
  return *value;
}

Result<int64_t> Node::i64() const {
  const std::optional<int64_t> value = value_->i64();
  if (!value) return fault("is not an integer");
  return *value;
}

Result<std::string_view> Node::string() const {
  const std::string* value = value_->string();
  if (value == nullptr) return fault("is not a string");
  return std::string_view(*value);
}

Result<std::vector<std::string>> Node::strings() const {
  MSB_TRY(const auto nodes, elements());
  std::vector<std::string> result;
  result.reserve(nodes.size());
  for (const Node& node : nodes) {
    MSB_TRY(const std::string_view text, node.string());
    result.emplace_back(text);
  }
  return result;
}

Result<std::vector<std::pair<std::string, std::string>>> Node::string_map() const {
  MSB_TRY(const auto nodes, members());
  std::vector<std::pair<std::string, std::string>> result;
  result.reserve(nodes.size());
  for (const auto& [name, node] : nodes) {
    MSB_TRY(const std::string_view text, node.string());
    result.emplace_back(name, text);
  }
  return result;
}

}  // namespace msb::json
