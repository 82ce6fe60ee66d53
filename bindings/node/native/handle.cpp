#include "handle.h"

#include "environment.h"

namespace msb_node {
namespace {

// Tells our objects from those of other addons before their memory is looked at.
constexpr napi_type_tag kTag = {0x6d7362206e6f6465, 0x8c1f0c57a2d94e3b};

}  // namespace

Napi::Function Handle::define(Napi::Env env) {
  return DefineClass(env, "NativeHandle", {InstanceMethod<&Handle::close>("close")});
}

Handle::Handle(const Napi::CallbackInfo& info) : ObjectWrap(info) {
  if (info.Length() != 1 || !info[0].IsExternal()) {
    Napi::TypeError::New(info.Env(), "NativeHandle cannot be constructed").ThrowAsJavaScriptException();
    return;
  }
  object_ = std::move(*info[0].As<Napi::External<Owned<void>>>().Data());
  info.This().As<Napi::Object>().TypeTag(&kTag);
}

Napi::Value Handle::wrap(Napi::Env env, Owned<void> object) {
  return Environment::of(env).handle_class().New({Napi::External<Owned<void>>::New(env, &object)});
}

bool Handle::read(Napi::Value value, Owned<void>& object) {
  if (!value.IsObject() || !value.As<Napi::Object>().CheckTypeTag(&kTag)) return false;
  object = Unwrap(value.As<Napi::Object>())->object_;
  return true;
}

Napi::Value Handle::close(const Napi::CallbackInfo& info) {
  object_ = {};
  return info.Env().Undefined();
}

}  // namespace msb_node
