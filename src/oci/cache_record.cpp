#include "oci/cache_record.h"

#include "json/node.h"
#include "json/parse.h"
#include "json/write.h"
#include "oci/members.h"

namespace msb::oci {
namespace {

Result<Digest> read_digest(const json::Node& object, std::string_view name) {
  MSB_TRY(const json::Node member, object.member(name));
  MSB_TRY(const std::string_view text, member.string());
  auto digest = Digest::parse(text);
  if (!digest) return member.fault("is not a digest");
  return digest;
}

Result<Strings> read_strings(const json::Node& object, std::string_view name) {
  MSB_TRY(const json::Node member, object.member(name));
  return member.strings();
}

Result<RunConfig> read_run(const json::Node& object) {
  RunConfig run;
  MSB_TRY(run.env, read_strings(object, "env"));
  MSB_TRY(run.cmd, optional_strings(object, "cmd"));
  MSB_TRY(run.entrypoint, optional_strings(object, "entrypoint"));
  MSB_TRY(run.working_dir, optional_text(object, "working_dir"));
  MSB_TRY(run.user, optional_text(object, "user"));
  MSB_TRY(run.exposed_ports, read_strings(object, "exposed_ports"));
  MSB_TRY(run.volumes, read_strings(object, "volumes"));
  MSB_TRY(const json::Node labels, object.member("labels"));
  MSB_TRY(run.labels, labels.string_map());
  MSB_TRY(run.stop_signal, optional_text(object, "stop_signal"));
  return run;
}

Result<CacheRecord::Layer> read_layer(const json::Node& object) {
  CacheRecord::Layer layer;
  MSB_TRY(layer.digest, read_digest(object, "digest"));
  MSB_TRY(layer.media_type, optional_text(object, "media_type"));
  MSB_TRY(const auto size, object.optional("size_bytes"));
  if (size) {
    MSB_TRY(layer.size, size->u64());
  }
  MSB_TRY(layer.diff_id, read_digest(object, "diff_id"));
  return layer;
}

Result<CacheRecord> read_record(const json::Node& document) {
  CacheRecord record;
  MSB_TRY(record.manifest_digest, read_digest(document, "manifest_digest"));
  MSB_TRY(record.config_digest, read_digest(document, "config_digest"));
  MSB_TRY(record.raw_manifest, required_text(document, "raw_manifest_json"));
  MSB_TRY(record.raw_config, required_text(document, "raw_config_json"));
  MSB_TRY(const json::Node config, document.member("config"));
  MSB_TRY(record.config, read_run(config));
  MSB_TRY(const json::Node layers, document.member("layers"));
  MSB_TRY(const auto elements, layers.elements());
  if (elements.size() > kMaxLayers) return layers.fault("has more than " + std::to_string(kMaxLayers) + " entries");
  for (const json::Node& element : elements) {
    MSB_TRY(CacheRecord::Layer layer, read_layer(element));
    record.layers.push_back(std::move(layer));
  }
  return record;
}

json::Value strings(const Strings& list) { return json::Array(list.begin(), list.end()); }

json::Value strings(const std::optional<Strings>& list) { return list ? strings(*list) : json::Value(); }

json::Value write_run(const RunConfig& run) {
  json::Object labels;
  for (const auto& [name, value] : run.labels) labels.push_back({name, value});
  return json::Object{{"env", strings(run.env)},
                      {"cmd", strings(run.cmd)},
                      {"entrypoint", strings(run.entrypoint)},
                      {"working_dir", run.working_dir},
                      {"user", run.user},
                      {"exposed_ports", strings(run.exposed_ports)},
                      {"volumes", strings(run.volumes)},
                      {"labels", std::move(labels)},
                      {"stop_signal", run.stop_signal}};
}

}  // namespace

CacheRecord CacheRecord::of(const Digest& manifest_digest, std::string raw_manifest, const Manifest& manifest,
                            std::string raw_config, const ImageConfig& config) {
  CacheRecord record;
  record.manifest_digest = manifest_digest;
  record.config_digest = manifest.config.digest;
  record.raw_manifest = std::move(raw_manifest);
  record.raw_config = std::move(raw_config);
  record.config = config.run;
  for (size_t i = 0; i < manifest.layers.size(); ++i) {
    const Descriptor& layer = manifest.layers[i];
    record.layers.push_back({layer.digest, layer.media_type, layer.size, config.diff_ids[i]});
  }
  return record;
}

Result<CacheRecord> CacheRecord::parse(std::string_view text) {
  auto value = json::parse(text, {.max_bytes = kMaxCacheRecordBytes, .status = Status::image_invalid});
  if (!value) return std::move(value).error().in("cached manifest");
  auto record = read_record(json::Node(*value, Status::image_invalid));
  if (!record) return std::move(record).error().in("cached manifest");
  return record;
}

std::string CacheRecord::write() const {
  json::Array entries;
  for (const Layer& layer : layers) {
    entries.push_back(json::Object{{"digest", layer.digest.text()},
                                   {"media_type", layer.media_type},
                                   {"size_bytes", layer.size},
                                   {"diff_id", layer.diff_id.text()}});
  }
  return json::write(json::Object{{"manifest_digest", manifest_digest.text()},
                                  {"config_digest", config_digest.text()},
                                  {"raw_manifest_json", raw_manifest},
                                  {"raw_config_json", raw_config},
                                  {"config", write_run(config)},
                                  {"layers", std::move(entries)}});
}

}  // namespace msb::oci
