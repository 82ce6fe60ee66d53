#include "capi/error.h"

msb_error::msb_error(msb::Error e) : Object(kKind), error(std::move(e)) {
  if (auto beneath = error.take_cause()) cause = new msb_error(std::move(*beneath));
}

msb_error::~msb_error() {
  if (cause != nullptr) cause->release();
}

extern "C" {

msb_status msb_error_status(const msb_error* error) {
  return error != nullptr ? static_cast<msb_status>(error->error.status()) : msb_status{MSB_OK};
}

const char* msb_error_message(const msb_error* error) {
  return error != nullptr ? error->error.message().c_str() : nullptr;
}

int32_t msb_error_os_code(const msb_error* error) { return error != nullptr ? error->error.os_code() : 0; }

const char* msb_error_detail(const msb_error* error, const char* key) {
  if (error == nullptr || key == nullptr) return nullptr;
  const std::string* value = error->error.fact(key);
  return value != nullptr ? value->c_str() : nullptr;
}

const msb_error* msb_error_cause(const msb_error* error) { return error != nullptr ? error->cause : nullptr; }

}  // extern "C"
