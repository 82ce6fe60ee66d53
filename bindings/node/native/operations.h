#pragma once

#include <napi.h>

namespace msb_node {

// One file each; src/native.ts says what they add.
void export_library(Napi::Env env, Napi::Object exports);
void export_client(Napi::Env env, Napi::Object exports);
void export_image(Napi::Env env, Napi::Object exports);
void export_machine(Napi::Env env, Napi::Object exports);
void export_sandbox(Napi::Env env, Napi::Object exports);
void export_snapshot(Napi::Env env, Napi::Object exports);

/// Adds a function under the name that JavaScript knows it by.
template <Napi::Value (*function)(const Napi::CallbackInfo&)>
void export_function(Napi::Env env, Napi::Object exports, const char* name) {
  exports.Set(name, Napi::Function::New<function>(env, name));
}

}  // namespace msb_node
