#pragma once

#include <microsandbox.h>
#include <napi.h>

namespace msb_node {

/// The JavaScript Error that stands for a failure of the library: its message, and as properties `status` (a number),
/// `kind` and `tag` (its names), `errno` (0 for none), `details` (facts by name) and `cause`. src/errors.ts makes the
/// classes that users see of it.
Napi::Error make_error(Napi::Env env, const msb_error* error);

/// The same for what the binding itself finds wrong.
Napi::Error make_error(Napi::Env env, msb_status status, const char* message);

}  // namespace msb_node
