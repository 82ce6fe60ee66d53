#include "image/pull.h"

#include "capi/client.h"
#include "capi/image.h"
#include "capi/structs.h"

namespace {

using msb::Error;
using msb::Result;
using msb::Status;

Result<msb::image::PullPolicy> read_policy(uint32_t policy) {
  switch (policy) {
    case MSB_PULL_IF_MISSING:
      return msb::image::PullPolicy::if_missing;
    case MSB_PULL_ALWAYS:
      return msb::image::PullPolicy::always;
    case MSB_PULL_NEVER:
      return msb::image::PullPolicy::never;
    default:
      return Error(Status::invalid_argument, "unknown pull policy");
  }
}

Result<std::optional<msb::registry::Credentials>> read_credentials(const msb_image_pull_opts& opts) {
  MSB_TRY(const auto username, msb::capi::read_text(opts.username, "username"));
  MSB_TRY(const auto password, msb::capi::read_text(opts.password, "password"));
  if (username.has_value() != password.has_value()) {
    return Error(Status::invalid_argument, "username and password go together");
  }
  using Given = std::optional<msb::registry::Credentials>;
  if (!username) return Given();
  if (username->empty() || username->find(':') != std::string::npos) {
    return Error(Status::invalid_argument, "username is empty or has a colon");
  }
  return Given({*username, *password, {}});
}

Result<msb::image::PullRequest> read_request(const msb::client::Home& home, const char* reference,
                                             const msb_image_pull_opts& opts) {
  msb::image::PullRequest request;
  MSB_TRY(const std::string_view text, msb::capi::need_text(reference, "reference"));
  request.reference = text;
  MSB_TRY(request.policy, read_policy(opts.policy));
  request.force = opts.force;
  request.fall_back = opts.fall_back;
  MSB_TRY(request.platform, msb::capi::read_platform(opts.platform));
  MSB_TRY(request.keep, msb::capi::read_keep(opts.keep));
  request.limits = msb::archive::layer_limits(opts.max_file_bytes, opts.max_layer_bytes, opts.max_layer_entries);
  MSB_TRY(request.registry.settings, msb::registry::Settings::read(msb::os::real_fs(), home.config, home.root));
  MSB_TRY(request.registry.credentials, read_credentials(opts));
  request.registry.insecure = opts.insecure;
  if (opts.ca_certs_path != nullptr) request.registry.settings.ca_files.emplace_back(opts.ca_certs_path);
  return request;
}

}  // namespace

msb_status msb_image_pull(msb_client* client, const char* reference, const msb_image_pull_opts* opts,
                          const msb_call* call, msb_image** out, msb_error** err) {
  using namespace msb;
  return capi::guard(
      out, err,
      [&]() -> Result<msb_image*> {
        MSB_TRY(const auto session, capi::Session::begin(client, call));
        MSB_TRY(const msb_image_pull_opts given, capi::copy_opts(opts));
        MSB_TRY(const auto request, read_request(session->client().home(), reference, given));
        MSB_TRY(auto pulled, image::pull(session->client().context(), request, session->call()));
        capi::complete(session->call());
        msb_image_pull_report report{};
        report.cached = pulled.cached;
        report.fell_back = pulled.fell_back;
        report.layers_fetched = pulled.layers_fetched;
        report.layers_present = pulled.layers_present;
        report.bytes_fetched = pulled.bytes_fetched;
        capi::fill(given.report, report);
        return new msb_image(std::move(pulled.row));
      },
      true);
}
