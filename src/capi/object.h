#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "base/result.h"
#include "microsandbox.h"

namespace msb::capi {

/// What every opaque type of the header derives from, as its first and only base.
class Object {
 public:
  Object(const Object&) = delete;
  Object& operator=(const Object&) = delete;

  msb_handle_kind kind() const { return kind_; }
  /// False for memory that is no live object, as far as a look can tell.
  bool alive() const { return magic_ == kMagic; }
  void retain() { references_.fetch_add(1, std::memory_order_relaxed); }
  void release();
  static size_t live_count();

 protected:
  explicit Object(msb_handle_kind kind);
  virtual ~Object();

 private:
  static constexpr uint32_t kMagic = 0x6d736231;  // "msb1"

  uint32_t magic_ = kMagic;
  msb_handle_kind kind_;
  std::atomic<uint32_t> references_{1};
};

/// Checks an object that came in: NULL and wrong kinds are MSB_ERR_INVALID_HANDLE. Every opaque type names its kind as
/// T::kKind.
template <typename T>
Result<T*> use(T* handle) {
  if (handle == nullptr) return Error(Status::invalid_handle, "the object is NULL");
  if (!handle->alive()) return Error(Status::invalid_handle, "the object was freed");
  if (handle->kind() != T::kKind) return Error(Status::invalid_handle, "the object is of another kind");
  return handle;
}

}  // namespace msb::capi
