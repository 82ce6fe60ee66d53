#include <microsandbox.h>

#include "environment.h"
#include "failure.h"
#include "handle.h"
#include "input.h"
#include "operations.h"
#include "values.h"

namespace msb_node {
namespace {

Napi::Value version(const Napi::CallbackInfo& info) { return text(info.Env(), msb_version()); }

Napi::Value abi_version(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), msb_abi_version()); }

Napi::Value live_handles(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(msb_live_handles()));
}

Napi::Value status_tag(const Napi::CallbackInfo& info) {
  Inputs inputs(info);
  const auto status = static_cast<msb_status>(inputs.at(0, "status").number());
  return inputs.good() ? text(info.Env(), msb_status_tag(status)) : inputs.refuse();
}

Napi::Value cancel_new(const Napi::CallbackInfo& info) {
  Owned<msb_cancel> cancel;
  Owned<msb_error> error;
  if (msb_cancel_new(cancel.out(), error.out()) == MSB_OK) return Handle::wrap(info.Env(), std::move(cancel));
  make_error(info.Env(), error.get()).ThrowAsJavaScriptException();
  return info.Env().Undefined();
}

Napi::Value cancel_trigger(const Napi::CallbackInfo& info) {
  Inputs inputs(info);
  const auto cancel = inputs.at(0, "cancel").handle<msb_cancel>();
  if (!inputs.good()) return inputs.refuse();
  msb_cancel_trigger(cancel.get());
  return info.Env().Undefined();
}

Napi::Value quiesce(const Napi::CallbackInfo& info) {
  Environment::of(info.Env()).quiesce();
  return info.Env().Undefined();
}

}  // namespace

void export_library(Napi::Env env, Napi::Object exports) {
  export_function<version>(env, exports, "version");
  export_function<abi_version>(env, exports, "abiVersion");
  export_function<live_handles>(env, exports, "liveHandles");
  export_function<status_tag>(env, exports, "statusTag");
  export_function<cancel_new>(env, exports, "cancelNew");
  export_function<cancel_trigger>(env, exports, "cancelTrigger");
  export_function<quiesce>(env, exports, "quiesce");
}

}  // namespace msb_node
