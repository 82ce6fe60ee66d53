#include "oci/config.h"

#include "json/node.h"
#include "json/parse.h"
#include "oci/members.h"

namespace msb::oci {
namespace {

/// Names of an object that stands for a set: `{"8080/tcp": {}}`.
Result<Strings> read_set(const json::Node& object, std::string_view name) {
  Strings names;
  MSB_TRY(const auto member, object.optional(name));
  if (!member) return names;
  MSB_TRY(const auto members, member->members());
  for (const auto& [key, value] : members) names.emplace_back(key);
  return names;
}

Result<RunConfig> read_run(const json::Node& object) {
  RunConfig run;
  MSB_TRY(auto env, optional_strings(object, "Env"));
  if (env) run.env = std::move(*env);
  MSB_TRY(run.cmd, optional_strings(object, "Cmd"));
  MSB_TRY(run.entrypoint, optional_strings(object, "Entrypoint"));
  MSB_TRY(run.working_dir, optional_text(object, "WorkingDir"));
  MSB_TRY(run.user, optional_text(object, "User"));
  MSB_TRY(run.exposed_ports, read_set(object, "ExposedPorts"));
  MSB_TRY(run.volumes, read_set(object, "Volumes"));
  MSB_TRY(const auto labels, object.optional("Labels"));
  if (labels) {
    MSB_TRY(run.labels, labels->string_map());
  }
  MSB_TRY(run.stop_signal, optional_text(object, "StopSignal"));
  return run;
}

Result<std::vector<Digest>> read_diff_ids(const json::Node& document) {
  MSB_TRY(const json::Node rootfs, document.member("rootfs"));
  MSB_TRY(const json::Node type, rootfs.member("type"));
  MSB_TRY(const std::string_view kind, type.string());
  if (kind != "layers") return type.fault("is not \"layers\"");
  MSB_TRY(const json::Node list, rootfs.member("diff_ids"));
  MSB_TRY(const auto elements, list.elements());
  if (elements.size() > kMaxLayers) return list.fault("has more than " + std::to_string(kMaxLayers) + " entries");
  std::vector<Digest> diff_ids;
  diff_ids.reserve(elements.size());
  for (const json::Node& element : elements) {
    MSB_TRY(Digest digest, sha256_digest(element));
    diff_ids.push_back(std::move(digest));
  }
  return diff_ids;
}

Result<ImageConfig> read_config(const json::Node& document) {
  ImageConfig config;
  MSB_TRY(config.platform.architecture, required_text(document, "architecture"));
  MSB_TRY(config.platform.os, required_text(document, "os"));
  MSB_TRY(auto variant, optional_text(document, "variant"));
  if (variant) config.platform.variant = std::move(*variant);
  MSB_TRY(config.diff_ids, read_diff_ids(document));
  MSB_TRY(const auto run, document.optional("config"));
  if (run) {
    MSB_TRY(config.run, read_run(*run));
  }
  return config;
}

}  // namespace

Result<ImageConfig> parse_config(std::string_view bytes) {
  auto value = json::parse(bytes, {.max_bytes = kMaxDocumentBytes, .status = Status::image_invalid});
  if (!value) return std::move(value).error().in("image config");
  auto config = read_config(json::Node(*value, Status::image_invalid));
  if (!config) return std::move(config).error().in("image config");
  return config;
}

Done check_layer_count(const ImageConfig& config, size_t layers) {
  if (config.diff_ids.size() == layers) return {};
  return Error(Status::image_invalid, "image config: rootfs.diff_ids has " + std::to_string(config.diff_ids.size()) +
                                          " entries, but the manifest has " + std::to_string(layers) + " layers")
      .with("member", "rootfs.diff_ids");
}

Done check_platform(const ImageConfig& config, const Platform& platform, std::string_view subject) {
  Platform offered = config.platform;
  if (offered.os.empty()) offered.os = platform.os;
  if (offered.architecture.empty()) offered.architecture = platform.architecture;
  if (platform.rank(offered)) return {};
  return no_such_platform(platform, subject, {offered.text()});
}

}  // namespace msb::oci
