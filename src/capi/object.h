#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

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

/// A list of objects; it has one reference of each. Types of lists derive from it and add their kind.
template <typename T>
class ObjectList : public Object {
 public:
  size_t size() const { return items_.size(); }
  /// NULL past the end.
  const T* at(size_t index) const { return index < items_.size() ? items_[index] : nullptr; }

 protected:
  /// Makes an object of each value.
  template <typename Value>
  ObjectList(msb_handle_kind kind, std::vector<Value> values) : Object(kind) {
    items_.reserve(values.size());
    for (Value& value : values) items_.push_back(new T(std::move(value)));
  }
  ~ObjectList() override {
    for (T* item : items_) item->release();
  }

 private:
  std::vector<T*> items_;
};

/// The `_count` and `_at` functions of a type of lists.
template <typename List>
size_t count_of(const List* list) {
  return list != nullptr ? list->size() : 0;
}
template <typename List>
auto item_at(const List* list, size_t index) -> decltype(list->at(index)) {
  return list != nullptr ? list->at(index) : nullptr;
}

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
