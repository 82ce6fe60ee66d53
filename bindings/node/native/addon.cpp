// The functions that src/native.ts declares. Each reads its arguments, names one function of microsandbox.h, and says
// how its result becomes a plain object; nothing is decided here.
#include <microsandbox.h>
#include <napi.h>

#include "environment.h"
#include "operations.h"

namespace {

Napi::Object start(Napi::Env env, Napi::Object exports) {
  constexpr uint32_t kMajor = 1000;
  if (msb_abi_version() / kMajor != MSB_ABI_VERSION / kMajor) {
    Napi::Error::New(env, std::string("libmicrosandbox ") + msb_version() + " has another ABI than this addon")
        .ThrowAsJavaScriptException();
    return exports;
  }
  msb_node::Environment::create(env);
  msb_node::export_library(env, exports);
  msb_node::export_client(env, exports);
  msb_node::export_image(env, exports);
  msb_node::export_machine(env, exports);
  msb_node::export_sandbox(env, exports);
  msb_node::export_snapshot(env, exports);
  return exports;
}

}  // namespace

NODE_API_MODULE(microsandbox, start)
