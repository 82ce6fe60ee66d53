#include "sandbox/new_config.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "json/parse.h"
#include "json/write.h"

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

Value environment_of(const index::ConfigRecord& image, Layout layout) {
  Array variables;
  for (const std::string& variable : image.env) {
    const size_t end = std::min(variable.find('='), variable.size());
    const std::string key = variable.substr(0, end);
    const std::string value = end < variable.size() ? variable.substr(end + 1) : std::string();
    if (layout == Layout::flat) {
      variables.push_back(Array{key, value});
    } else {
      variables.push_back(Object{{"key", key}, {"value", value}});
    }
  }
  return variables;
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
Object document(const NewConfig& config, Layout layout) {
  const index::ConfigRecord image = config.image.value_or(index::ConfigRecord());
  const Object resources{{"cpus", 1}, {"memory_mib", 512}};
  Object root{{"name", config.name}, {"image", image_of(config, layout)}};
  if (layout == Layout::flat) {
    append(root, resources);
    append(root, runtime_of(image));
  } else {
    root.push_back({"resources", resources});
    root.push_back({"runtime", runtime_of(image)});
  }
  append(root, {{"env", environment_of(image, layout)},
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
  Value root = document(config, layout_of(schema));
  if (more) {
    MSB_TRY(const Value members, parse_more(*more));
    merge(root, members);
  }
  std::string text = json::write(root);
  if (text.size() > kMaxConfig) {
    return Error(Status::invalid_argument, "labels and configuration of sandbox " + config.name + " take " +
                                               std::to_string(text.size()) + " bytes, and may take " +
                                               std::to_string(kMaxConfig));
  }
  return text;
}

}  // namespace msb::sandbox
