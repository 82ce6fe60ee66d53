#include "capi/image.h"

#include <cstdint>

#include "capi/client.h"
#include "capi/labels.h"
#include "capi/structs.h"
#include "image/collect.h"
#include "image/load.h"
#include "image/remove.h"
#include "image/save.h"

namespace {

using msb::Result;

/// A list that is there has a pointer even when it is empty: NULL means absent.
const char* const* list_or_null(const std::vector<const char*>& list, bool present) {
  static const char* const kEmpty[] = {nullptr};
  if (!present) return nullptr;
  return list.empty() ? kEmpty : list.data();
}

std::vector<const char*> c_strings(const std::vector<std::string>& strings) {
  std::vector<const char*> list;
  list.reserve(strings.size());
  for (const std::string& s : strings) list.push_back(s.c_str());
  return list;
}

/// Reads the text arguments that name images.
Result<std::vector<std::string>> read_references(const char* const* references, size_t count, std::string_view what) {
  if (count > 0 && references == nullptr) {
    return msb::Error(msb::Status::invalid_argument, std::string(what) + " is NULL");
  }
  std::vector<std::string> list;
  for (size_t i = 0; i < count; ++i) {
    MSB_TRY(const std::string_view text, msb::capi::need_text(references[i], what));
    list.emplace_back(text);
  }
  return list;
}

Result<msb::image::LoadRequest> read_load(const char* archive_path, const msb_image_load_opts& opts) {
  msb::image::LoadRequest request;
  MSB_TRY(request.path, msb::capi::read_file_path(archive_path, "archive_path"));
  request.fd = opts.fd;
  MSB_TRY(request.tags, read_references(opts.tags, opts.tag_count, "tag"));
  MSB_TRY(request.platform, msb::capi::read_platform(opts.platform));
  MSB_TRY(request.keep, msb::capi::read_keep(opts.keep));
  request.limits = msb::archive::layer_limits(opts.max_file_bytes, opts.max_layer_bytes, opts.max_layer_entries);
  return request;
}

Result<msb::image::SaveRequest> read_save(const char* const* references, size_t count, const char* out_path,
                                          const msb_image_save_opts& opts) {
  msb::image::SaveRequest request;
  MSB_TRY(request.references, read_references(references, count, "reference"));
  if (request.references.empty()) return msb::Error(msb::Status::invalid_argument, "no reference to save");
  MSB_TRY(request.path, msb::capi::read_file_path(out_path, "out_path"));
  request.fd = msb::capi::output_fd(opts.fd);
  switch (opts.format) {
    case MSB_IMAGE_FORMAT_DOCKER:
      request.format = msb::image::Format::docker;
      break;
    case MSB_IMAGE_FORMAT_OCI:
      request.format = msb::image::Format::oci;
      break;
    default:
      return msb::Error(msb::Status::invalid_argument, "unknown image format");
  }
  return request;
}

/// msb_image_gc() and msb_image_gc_layers().
template <typename Collect>
msb_status collect(msb_client* client, const msb_call* call, uint32_t* removed, msb_error** err, Collect&& work) {
  using namespace msb;
  return capi::guard(err, [&]() -> Done {
    MSB_TRY(const auto session, capi::Session::begin(client, call));
    MSB_TRY(const auto* context, session->client().context_to_change(session->call()));
    MSB_TRY(const uint32_t count, work(*context, session->call()));
    capi::complete(session->call());
    if (removed != nullptr) *removed = count;
    return {};
  });
}

}  // namespace

Result<msb::image::Keep> msb::capi::read_keep(uint32_t keep) {
  switch (keep) {
    case MSB_KEEP_DEFAULT:
    case MSB_KEEP_RECIPE:
      return image::Keep::recipe;
    case MSB_KEEP_BLOBS:
      return image::Keep::blobs;
    default:
      return Error(Status::invalid_argument, "unknown value of keep");
  }
}

Result<std::optional<msb::oci::Platform>> msb::capi::read_platform(const char* text) {
  if (text == nullptr) return std::optional<oci::Platform>();
  MSB_TRY(const std::string_view platform, need_text(text, "platform"));
  MSB_TRY(auto parsed, oci::Platform::parse(platform));
  return std::optional(std::move(parsed));
}

msb_image_detail::msb_image_detail(msb::image::ImageDetail d)
    : Object(kKind), detail(std::move(d)), image(new msb_image(detail.image)) {
  if (!detail.config) return;
  env = c_strings(detail.config->env);
  if (detail.config->cmd) cmd = c_strings(*detail.config->cmd);
  if (detail.config->entrypoint) entrypoint = c_strings(*detail.config->entrypoint);
  if (!detail.config->labels) return;
  for (const auto& [key, value] : *detail.config->labels) labels.push_back({key.c_str(), value.c_str()});
  std::sort(labels.begin(), labels.end(),
            [](const msb_kv& a, const msb_kv& b) { return std::string_view(a.key) < std::string_view(b.key); });
}

msb_image_detail::~msb_image_detail() { image->release(); }

extern "C" {

msb_status msb_image_load(msb_client* client, const char* archive_path, const msb_image_load_opts* opts,
                          const msb_call* call, msb_image_list** out, msb_error** err) {
  using namespace msb;
  const auto work = [&]() -> Result<msb_image_list*> {
    MSB_TRY(const auto session, capi::Session::begin(client, call));
    MSB_TRY(const auto copied, capi::copy_opts(opts));
    MSB_TRY(const auto request, read_load(archive_path, copied));
    MSB_TRY(const auto* context, session->client().context_to_change(session->call()));
    MSB_TRY(auto rows, image::load(*context, request, session->call()));
    capi::complete(session->call());
    return new msb_image_list(std::move(rows));
  };
  return capi::guard(out, err, work, true);
}

msb_status msb_image_save(msb_client* client, const char* const* references, size_t count, const char* out_path,
                          const msb_image_save_opts* opts, const msb_call* call, msb_error** err) {
  using namespace msb;
  return capi::guard(err, [&]() -> Done {
    MSB_TRY(const auto session, capi::Session::begin(client, call));
    MSB_TRY(const auto copied, capi::copy_opts(opts));
    MSB_TRY(const auto request, read_save(references, count, out_path, copied));
    MSB_CHECK(image::save(session->client().context(), request, session->call()));
    capi::complete(session->call());
    return {};
  });
}

msb_status msb_image_get(msb_client* client, const char* reference, const msb_call* call, msb_image** out,
                         msb_error** err) {
  using namespace msb;
  return capi::guard(out, err, [&]() -> Result<msb_image*> {
    MSB_TRY(const auto session, capi::Session::begin(client, call));
    MSB_TRY(const std::string_view text, capi::need_text(reference, "reference"));
    MSB_TRY(auto row, image::get(session->client().context(), std::string(text), session->call()));
    return new msb_image(std::move(row));
  });
}

msb_status msb_image_index_list(msb_client* client, const msb_call* call, msb_image_list** out, msb_error** err) {
  using namespace msb;
  return capi::guard(out, err, [&]() -> Result<msb_image_list*> {
    MSB_TRY(const auto session, capi::Session::begin(client, call));
    MSB_TRY(auto rows, image::list(session->client().context(), session->call()));
    return new msb_image_list(std::move(rows));
  });
}

msb_status msb_image_inspect(msb_client* client, const char* reference, const msb_call* call, msb_image_detail** out,
                             msb_error** err) {
  using namespace msb;
  return capi::guard(out, err, [&]() -> Result<msb_image_detail*> {
    MSB_TRY(const auto session, capi::Session::begin(client, call));
    MSB_TRY(const std::string_view text, capi::need_text(reference, "reference"));
    MSB_TRY(auto detail, image::inspect(session->client().context(), std::string(text), session->call()));
    return new msb_image_detail(std::move(detail));
  });
}

msb_status msb_image_remove(msb_client* client, const char* reference, bool force, const msb_call* call,
                            msb_error** err) {
  using namespace msb;
  return capi::guard(err, [&]() -> Done {
    MSB_TRY(const auto session, capi::Session::begin(client, call));
    MSB_TRY(const std::string_view text, capi::need_text(reference, "reference"));
    MSB_TRY(const auto* context, session->client().context_to_change(session->call()));
    MSB_CHECK(image::remove(*context, std::string(text), force, session->call()));
    capi::complete(session->call());
    return {};
  });
}

msb_status msb_image_gc_layers(msb_client* client, const msb_call* call, uint32_t* removed, msb_error** err) {
  return collect(client, call, removed, err, msb::image::gc_layers);
}

msb_status msb_image_gc(msb_client* client, const msb_call* call, uint32_t* removed, msb_error** err) {
  return collect(client, call, removed, err, msb::image::gc);
}

bool msb_image_read(const msb_image* image, msb_image_info* out) {
  if (image == nullptr) return false;
  const msb::index::ImageRow& row = image->row;
  msb_image_info info{};
  info.reference = row.reference.c_str();
  info.manifest_digest = msb::capi::c_str_or_null(row.manifest_digest);
  info.architecture = msb::capi::c_str_or_null(row.architecture);
  info.os = msb::capi::c_str_or_null(row.os);
  info.variant = msb::capi::c_str_or_null(row.variant);
  info.media_type = msb::capi::c_str_or_null(row.media_type);
  info.layer_count = static_cast<uint32_t>(row.layer_count.value_or(0));
  info.has_size_bytes = row.size.has_value();
  info.size_bytes = row.size.value_or(0);
  info.created_at_ns = msb::capi::time_or_unknown(row.created_at);
  info.last_used_at_ns = msb::capi::time_or_unknown(row.last_used_at);
  return msb::capi::fill(out, info);
}

size_t msb_image_list_count(const msb_image_list* list) { return msb::capi::count_of(list); }

const msb_image* msb_image_list_at(const msb_image_list* list, size_t index) { return msb::capi::item_at(list, index); }

const msb_image* msb_image_detail_image(const msb_image_detail* detail) {
  return detail != nullptr ? detail->image : nullptr;
}

bool msb_image_detail_config(const msb_image_detail* detail, msb_image_config* out) {
  if (detail == nullptr || !detail->detail.config) return false;
  const msb::index::ConfigRecord& config = *detail->detail.config;
  msb_image_config info{};
  info.digest = config.digest.c_str();
  info.env = list_or_null(detail->env, true);
  info.env_count = detail->env.size();
  info.cmd = list_or_null(detail->cmd, config.cmd.has_value());
  info.cmd_count = detail->cmd.size();
  info.entrypoint = list_or_null(detail->entrypoint, config.entrypoint.has_value());
  info.entrypoint_count = detail->entrypoint.size();
  info.working_dir = msb::capi::c_str_or_null(config.working_dir);
  info.user = msb::capi::c_str_or_null(config.user);
  info.stop_signal = msb::capi::c_str_or_null(config.stop_signal);
  info.labels = msb::capi::data_or_null(detail->labels);
  info.label_count = detail->labels.size();
  return msb::capi::fill(out, info);
}

size_t msb_image_detail_layer_count(const msb_image_detail* detail) {
  return detail != nullptr ? detail->detail.layers.size() : 0;
}

bool msb_image_detail_layer_at(const msb_image_detail* detail, size_t index, msb_image_layer* out) {
  if (detail == nullptr || index >= detail->detail.layers.size()) return false;
  const msb::index::LayerRow& layer = detail->detail.layers[index];
  msb_image_layer info{};
  info.diff_id = layer.diff_id.c_str();
  info.blob_digest = layer.blob_digest.c_str();
  info.media_type = msb::capi::c_str_or_null(layer.media_type);
  info.has_compressed_size_bytes = layer.compressed_size.has_value();
  info.compressed_size_bytes = layer.compressed_size.value_or(0);
  info.has_erofs_size_bytes = layer.erofs_size.has_value();
  info.erofs_size_bytes = layer.erofs_size.value_or(0);
  info.position = static_cast<int32_t>(index);
  return msb::capi::fill(out, info);
}

}  // extern "C"
