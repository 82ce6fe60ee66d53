#include "capi/client.h"
#include "capi/labels.h"
#include "capi/structs.h"
#include "sandbox/create.h"
#include "sandbox/registry.h"
#include "sandbox/remove.h"
#include "snapshot/restore.h"

struct msb_sandbox final : msb::capi::Object {
  static constexpr msb_handle_kind kKind = MSB_KIND_SANDBOX;
  explicit msb_sandbox(msb::sandbox::Sandbox s)
      : Object(kKind), sandbox(std::move(s)), labels(msb::capi::c_labels(sandbox.labels)) {}

  const msb::sandbox::Sandbox sandbox;
  const std::vector<msb_kv> labels;  ///< pointing into `sandbox`
};

struct msb_sandbox_list final : msb::capi::ObjectList<msb_sandbox> {
  static constexpr msb_handle_kind kKind = MSB_KIND_SANDBOX_LIST;
  explicit msb_sandbox_list(std::vector<msb::sandbox::Sandbox> sandboxes) : ObjectList(kKind, std::move(sandboxes)) {}
};

namespace {

using msb::Result;

Result<msb::sandbox::CreateRequest> read_create(const msb_sandbox_create_opts& opts) {
  msb::sandbox::CreateRequest request;
  if ((opts.image == nullptr) == (opts.from_snapshot == nullptr)) {
    return msb::Error(msb::Status::invalid_argument, "a sandbox is made from exactly one of image and from_snapshot");
  }
  if (opts.from_snapshot != nullptr && opts.upper_size != 0) {
    return msb::Error(msb::Status::invalid_argument,
                      "upper_size does not go with from_snapshot, whose disk has its size");
  }
  MSB_TRY(request.image, msb::capi::read_text(opts.image, "image"));
  request.upper_size = opts.upper_size;
  MSB_TRY(request.labels, msb::capi::read_labels(opts.labels, opts.label_count));
  MSB_TRY(request.config_json, msb::capi::read_text(opts.config_json, "config_json"));
  request.replace = opts.replace;
  return request;
}

}  // namespace

extern "C" {

msb_status msb_sandbox_create(msb_client* client, const char* name, const msb_sandbox_create_opts* opts,
                              const msb_call* call, msb_sandbox** out, msb_error** err) {
  using namespace msb;
  const auto work = [&]() -> Result<msb_sandbox*> {
    MSB_TRY(const auto session, capi::Session::begin(client, call));
    MSB_TRY(const auto copied, capi::copy_opts(opts));
    MSB_TRY(const auto name_text, capi::need_text(name, "name"));
    MSB_TRY(auto request, read_create(copied));
    MSB_TRY(const auto* context, session->client().context_to_change(session->call()));
    const auto make = [&]() {
      if (copied.from_snapshot == nullptr)
        return sandbox::create(*context, std::string(name_text), request, session->call());
      return snapshot::restore(*context, copied.from_snapshot, std::string(name_text), std::move(request),
                               session->call());
    };
    MSB_TRY(auto made, make());
    capi::complete(session->call());
    return new msb_sandbox(std::move(made));
  };
  return capi::guard(out, err, work, true);
}

msb_status msb_sandbox_get(msb_client* client, const char* name, const msb_call* call, msb_sandbox** out,
                           msb_error** err) {
  using namespace msb;
  return capi::guard(out, err, [&]() -> Result<msb_sandbox*> {
    MSB_TRY(const auto session, capi::Session::begin(client, call));
    MSB_TRY(const auto text, capi::need_text(name, "name"));
    MSB_TRY(auto found, sandbox::get(session->client().context(), std::string(text), session->call()));
    return new msb_sandbox(std::move(found));
  });
}

msb_status msb_sandbox_index_list(msb_client* client, const msb_kv* labels, size_t label_count, const msb_call* call,
                                  msb_sandbox_list** out, msb_error** err) {
  using namespace msb;
  return capi::guard(out, err, [&]() -> Result<msb_sandbox_list*> {
    MSB_TRY(const auto session, capi::Session::begin(client, call));
    MSB_TRY(const auto filter, capi::read_label_filter(labels, label_count));
    MSB_TRY(auto found, sandbox::list(session->client().context(), filter, session->call()));
    return new msb_sandbox_list(std::move(found));
  });
}

msb_status msb_sandbox_remove(msb_client* client, const char* name, const msb_call* call, msb_error** err) {
  using namespace msb;
  return capi::guard(err, [&]() -> Done {
    MSB_TRY(const auto session, capi::Session::begin(client, call));
    MSB_TRY(const auto text, capi::need_text(name, "name"));
    MSB_TRY(const auto* context, session->client().context_to_change(session->call()));
    MSB_CHECK(sandbox::remove(*context, std::string(text), session->call()));
    capi::complete(session->call());
    return {};
  });
}

msb_status msb_sandbox_set_status(msb_client* client, const char* name, uint32_t status, int64_t pid,
                                  const msb_call* call, msb_error** err) {
  using namespace msb;
  return capi::guard(err, [&]() -> Done {
    MSB_TRY(const auto session, capi::Session::begin(client, call));
    MSB_TRY(const auto text, capi::need_text(name, "name"));
    if (status < MSB_SANDBOX_CREATED || status > MSB_SANDBOX_CRASHED) {
      return Error(Status::invalid_argument, "unknown sandbox status " + std::to_string(status));
    }
    MSB_TRY(const auto* context, session->client().context_to_change(session->call()));
    return sandbox::set_status(*context, std::string(text), static_cast<sandbox::Status>(status), pid, session->call());
  });
}

bool msb_sandbox_read(const msb_sandbox* sandbox, msb_sandbox_info* out) {
  using msb::capi::c_str_or_null;
  if (sandbox == nullptr) return false;
  const msb::sandbox::Sandbox& from = sandbox->sandbox;
  msb_sandbox_info info{};
  info.name = from.name.c_str();
  info.status = static_cast<uint32_t>(from.status);
  info.label_count = sandbox->labels.size();
  info.labels = msb::capi::data_or_null(sandbox->labels);
  info.config_json = from.config_json.c_str();
  info.image_ref = c_str_or_null(from.image_ref);
  info.image_digest = c_str_or_null(from.image_digest);
  info.source_snapshot = c_str_or_null(from.source_snapshot);
  info.upper_path = c_str_or_null(from.upper_path);
  info.upper_size = from.upper_size;
  info.upper_allocated = from.upper_allocated;
  info.created_at_ns = from.created_at;
  info.updated_at_ns = from.updated_at;
  return msb::capi::fill(out, info);
}

size_t msb_sandbox_list_count(const msb_sandbox_list* list) { return msb::capi::count_of(list); }

const msb_sandbox* msb_sandbox_list_at(const msb_sandbox_list* list, size_t index) {
  return msb::capi::item_at(list, index);
}

const char* msb_sandbox_status_name(uint32_t status) {
  if (status < MSB_SANDBOX_CREATED || status > MSB_SANDBOX_CRASHED) return "unknown";
  return msb::sandbox::status_name(static_cast<msb::sandbox::Status>(status)).data();
}

}  // extern "C"
