#include "snapshot/capture.h"

#include "sandbox/hold.h"

namespace msb::snapshot {
namespace {

Error is_running(const std::string& name, Error held) {
  Error error = Error(Status::snapshot_sandbox_running, "snapshot source sandbox '" + name + "' is not stopped")
                    .with("name", name);
  if (const std::string* status = held.fact("status")) error = std::move(error).with("status", *status);
  return std::move(error).because(std::move(held));
}

}  // namespace

Result<Artifact> capture(const Context& context, const std::string& sandbox, const CreateRequest& request,
                         const Call& call) {
  MSB_CHECK(check_request(context, request, call));
  auto held = sandbox::hold_stopped(context, sandbox, call);
  if (!held && held.error().status() == Status::sandbox_still_running) {
    return is_running(sandbox, std::move(held).error());
  }
  if (!held) return std::move(held).error();
  const sandbox::Sandbox& stopped = held->sandbox();
  CaptureSource source;
  source.sandbox = stopped.name;
  source.upper_path = stopped.upper_path.value_or(std::string());
  source.image_ref = stopped.image_ref.value_or(std::string());
  source.image_digest = stopped.image_digest.value_or(std::string());
  source.origin = stopped.source_snapshot;
  return create(context, source, request, call);
}

}  // namespace msb::snapshot
