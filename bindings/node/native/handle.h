#pragma once

#include <microsandbox.h>
#include <napi.h>

#include <utility>

namespace msb_node {

/// One reference of an object of the C library. Copies are references of their own.
template <typename T>
class Owned {
 public:
  Owned() = default;
  explicit Owned(T* adopted) : object_(adopted) {}
  Owned(const Owned& other) : object_(static_cast<T*>(msb_handle_retain(other.object_))) {}
  Owned(Owned&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  Owned& operator=(Owned other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~Owned() { msb_handle_free(object_); }

  T* get() const { return object_; }
  T* release() { return std::exchange(object_, nullptr); }
  /// Where a C function puts its result.
  T** out() { return &object_; }

 private:
  T* object_ = nullptr;
};

/// Borrowed elements become references of their own.
template <typename T>
Owned<T> retain(const T* borrowed) {
  return Owned<T>(static_cast<T*>(msb_handle_retain(const_cast<T*>(borrowed))));
}

/// The JavaScript object that holds one reference of a C object: freed by close(), or when it is collected.
class Handle final : public Napi::ObjectWrap<Handle> {
 public:
  static Napi::Function define(Napi::Env env);

  template <typename T>
  static Napi::Value wrap(Napi::Env env, Owned<T> object) {
    return wrap(env, Owned<void>(object.release()));
  }
  static Napi::Value wrap(Napi::Env env, Owned<void> object);

  /// A reference to what `value` holds, of nothing once it is closed; the library then says so. False when `value` is
  /// not such an object at all.
  static bool read(Napi::Value value, Owned<void>& object);

  explicit Handle(const Napi::CallbackInfo& info);

 private:
  Napi::Value close(const Napi::CallbackInfo& info);

  Owned<void> object_;
};

}  // namespace msb_node
