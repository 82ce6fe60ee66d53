#include "sandbox/new_config.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>
#include <vector>

#include "json/parse.h"
#include "json/write.h"
#include "sandbox/variables.h"

namespace msb::sandbox {
namespace {

using json::Array;
using json::Object;
using json::Value;

/// How a release lays its configurations out.
enum class Layout {
  flat,     ///< up to 0.5.7
  nested,   ///< up to 0.6.6
  disk_of,  ///< later: the disk is described by an object
};

Layout layout_of(const index::Schema& schema) {
  if (schema.has("sandbox_rootfs", "root_disk_kind")) return Layout::disk_of;
  return schema.has("sandbox", "ephemeral") ? Layout::nested : Layout::flat;
}

Value text_array(const std::optional<index::Strings>& strings) {
  if (!strings) return {};
  return Array(strings->begin(), strings->end());
}

Value image_of(const NewConfig& config, Layout layout) {
  Object oci{{"reference", config.image_ref}};
  if (layout != Layout::disk_of) {
    oci.push_back({"upper_size_mib", config.disk_mib});
  } else if (config.disk_mib) {
    oci.push_back({"root_disk", Object{{"kind", "managed"}, {"size_mib", *config.disk_mib}}});
  }
  return Object{{"Oci", std::move(oci)}};
}

using Variable = Variables::Variable;

/// Of `KEY=VALUE`; the value of one without `=` is empty.
Variable variable_of(const std::string& text) {
  const size_t end = std::min(text.find('='), text.size());
  return {text.substr(0, end), end < text.size() ? text.substr(end + 1) : std::string()};
}

/// Of an entry as any release stores it, `{"key": K, "value": V}` or `[K, V]`.
std::optional<Variable> variable_of(const Value& entry) {
  const Array* const pair = entry.array();
  const bool flat = pair != nullptr && pair->size() == 2;
  const Value* const key = flat ? &(*pair)[0] : entry.find("key");
  const Value* const value = flat ? &(*pair)[1] : entry.find("value");
  if (key == nullptr || value == nullptr || key->string() == nullptr || value->string() == nullptr) return std::nullopt;
  return Variable(*key->string(), *value->string());
}

/// What the image sets; what is `given` counts before it, and after it come names that the image does not know.
Result<Value> environment_of(const index::ConfigRecord& image, const Value* given, Layout layout) {
  Variables variables;
  for (const std::string& text : image.env) {
    auto [key, value] = variable_of(text);
    variables.put(std::move(key), std::move(value));
  }
  if (given != nullptr && given->array() == nullptr) {
    return Error(Status::invalid_config, "member env of a configuration is no array").with("member", "env");
  }
  for (const Value& entry : given != nullptr ? *given->array() : Array()) {
    auto variable = variable_of(entry);
    if (!variable) {
      return Error(Status::invalid_config, "an entry of member env of a configuration has no key or no value")
          .with("member", "env");
    }
    variables.put(std::move(variable->first), std::move(variable->second));
  }
  Array entries;
  for (const auto& [key, value] : variables.all()) {
    entries.push_back(layout == Layout::flat ? Value(Array{key, value})
                                             : Value(Object{{"key", key}, {"value", value}}));
  }
  return Value(std::move(entries));
}

Value labels_of(const NewConfig& config) {
  Object labels;
  labels.reserve(config.labels.size());
  for (const auto& [key, value] : config.labels) labels.push_back({key, value});
  return labels;
}

Object runtime_of(const index::ConfigRecord& image) {
  return {
      {"workdir", image.working_dir},
      {"shell", nullptr},
      {"scripts", Object()},
      {"entrypoint", text_array(image.entrypoint)},
      {"cmd", text_array(image.cmd)},
      {"hostname", nullptr},
      {"user", image.user},
      {"log_level", nullptr},
      {"metrics_sample_interval_ms", 1000},
      {"disable_metrics_sample", false},
  };
}

Object lifetime() { return {{"max_duration_secs", nullptr}, {"idle_timeout_secs", nullptr}}; }

void append(Object& object, Object members) {
  for (json::Member& member : members) object.push_back(std::move(member));
}

/// The whole document, in the order of members that the releases write (formats/snapshots.md §5.5).
Result<Object> document(const NewConfig& config, const Value* given_environment, Layout layout) {
  index::ConfigRecord image = config.image.value_or(index::ConfigRecord());
  if (config.user) image.user = config.user;
  MSB_TRY(Value environment, environment_of(image, given_environment, layout));
  const Object resources{{"cpus", 1}, {"memory_mib", 512}};
  Object root{{"name", config.name}, {"image", image_of(config, layout)}};
  if (layout == Layout::flat) {
    append(root, resources);
    append(root, runtime_of(image));
  } else {
    root.push_back({"resources", resources});
    root.push_back({"runtime", runtime_of(image)});
  }
  append(root, {{"env", std::move(environment)},
                {"labels", labels_of(config)},
                {"rlimits", Array()},
                {"mounts", Array()},
                {"patches", Array()},
                {"init", nullptr},
                {"pull_policy", "IfMissing"},
                {"security_profile", "default"}});
  if (layout == Layout::flat) {
    root.push_back({"policy", lifetime()});
  } else {
    Object lifecycle{{"ephemeral", false}};
    append(lifecycle, lifetime());
    root.push_back({"lifecycle", std::move(lifecycle)});
  }
  root.push_back({"manifest_digest", config.image_digest});
  return root;
}

/// Objects are merged member by member, anything else is put in place of what was there.
void merge(Value& into, const Value& more) {
  if (into.object() == nullptr || more.object() == nullptr) {
    into = more;
    return;
  }
  Object merged = *into.object();
  for (const json::Member& member : *more.object()) {
    const auto known = std::ranges::find(merged, member.name, &json::Member::name);
    if (known == merged.end()) {
      merged.push_back(member);
    } else {
      merge(known->value, member.value);
    }
  }
  into = std::move(merged);
}

Value without(const Value& object, std::string_view name) {
  Object rest = *object.object();
  std::erase_if(rest, [name](const json::Member& member) { return member.name == name; });
  return rest;
}

Result<Value> parse_more(const std::string& text) {
  json::ParseOptions options;
  options.max_bytes = kMaxConfig;
  options.status = Status::invalid_config;
  MSB_TRY(Value more, json::parse(text, options));
  if (more.object() == nullptr) return Error(Status::invalid_config, "configuration of a sandbox is no JSON object");
  for (const std::string_view name : {"name", "image", "manifest_digest", "labels"}) {
    if (more.find(name) == nullptr) continue;
    return Error(Status::invalid_config, "member " + std::string(name) + " of a configuration cannot be set here")
        .with("member", name);
  }
  return more;
}

}  // namespace

Result<std::string> write_config(const NewConfig& config, const index::Schema& schema,
                                 const std::optional<std::string>& more) {
  Value members{Object()};
  if (more) {
    MSB_TRY(members, parse_more(*more));
  }
  MSB_TRY(Value root, document(config, members.find("env"), layout_of(schema)));
  merge(root, without(members, "env"));
  std::string text = json::write(root);
  if (text.size() > kMaxConfig) {
    return Error(Status::invalid_argument, "labels and configuration of sandbox " + config.name + " take " +
                                               std::to_string(text.size()) + " bytes, and may take " +
                                               std::to_string(kMaxConfig));
  }
  return text;
}

}  // namespace msb::sandbox
