#include "failure.h"

namespace msb_node {
namespace {

constexpr const char* kFacts[] = {"path",        "name",    "reference", "digest",    "expected",
                                  "actual",      "member",  "offset",    "sandboxes", "children",
                                  "http_status", "package", "platform",  "status",    "exit_code"};

Napi::Error make_error(Napi::Env env, msb_status status, const char* message, int32_t os_code, Napi::Value details) {
  Napi::Error made = Napi::Error::New(env, message);
  made.Set("status", Napi::Number::New(env, status));
  made.Set("kind", Napi::String::New(env, msb_status_name(status)));
  made.Set("tag", Napi::String::New(env, msb_status_tag(status)));
  made.Set("errno", Napi::Number::New(env, os_code));
  made.Set("details", details);
  return made;
}

}  // namespace

Napi::Error make_error(Napi::Env env, msb_status status, const char* message) {
  return make_error(env, status, message, 0, Napi::Object::New(env));
}

Napi::Error make_error(Napi::Env env, const msb_error* error) {
  Napi::Object details = Napi::Object::New(env);
  for (const char* fact : kFacts) {
    if (const char* value = msb_error_detail(error, fact)) details[fact] = value;
  }
  Napi::Error made =
      make_error(env, msb_error_status(error), msb_error_message(error), msb_error_os_code(error), details);
  if (const msb_error* cause = msb_error_cause(error)) made.Set("cause", make_error(env, cause).Value());
  return made;
}

}  // namespace msb_node
