#include "capi/object.h"

#include <cstdlib>

namespace msb::capi {
namespace {

std::atomic<size_t> live{0};  // for msb_live_handles() alone

}  // namespace

Object::Object(msb_handle_kind kind) : kind_(kind) { live.fetch_add(1, std::memory_order_relaxed); }

Object::~Object() {
  magic_ = 0;
  live.fetch_sub(1, std::memory_order_relaxed);
}

void Object::release() {
#ifndef NDEBUG
  if (!alive()) std::abort();  // given back twice
#endif
  if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
}

size_t Object::live_count() { return live.load(std::memory_order_relaxed); }

}  // namespace msb::capi

extern "C" {

void msb_handle_free(void* handle) {
  if (handle != nullptr) static_cast<msb::capi::Object*>(handle)->release();
}

void* msb_handle_retain(void* handle) {
  if (handle != nullptr) static_cast<msb::capi::Object*>(handle)->retain();
  return handle;
}

msb_handle_kind msb_handle_kind_of(const void* handle) {
  return handle != nullptr ? static_cast<const msb::capi::Object*>(handle)->kind() : msb_handle_kind{MSB_KIND_NONE};
}

size_t msb_live_handles(void) { return msb::capi::Object::live_count(); }

}  // extern "C"
