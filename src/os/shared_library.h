#pragma once

#include <atomic>
#include <mutex>

#include "base/result.h"

namespace msb::os {

/// A library that is loaded by name while the program runs. It is never unloaded: its threads, and those of the
/// libraries it brings along, may outlive the last call.
class SharedLibrary {
 public:
  struct Name {
    const char* soname;
    const char* purpose;  ///< who needs it, in the plural: begins the message when it is missing
    const char* package;  ///< that has it on Debian
  };

  /// @retval Status::unsupported  it is not installed
  static Result<SharedLibrary> open(const Name& name);

  /// @retval Status::unsupported  it has no such function
  template <typename Function>
  Done find(const char* function_name, Function*& function) const {
    MSB_TRY(void* const address, address_of(function_name));
    function = reinterpret_cast<Function*>(address);
    return {};
  }

 private:
  SharedLibrary(void* handle, const Name& name) : handle_(handle), name_(name) {}
  Result<void*> address_of(const char* function_name) const;

  void* handle_;
  Name name_;
};

/// The functions of such a library, loaded by whoever needs them first. A failure is not kept: the library may be
/// installed before the next caller comes. `Functions` has `static Result<Functions> load()`.
template <typename Functions>
class LateFunctions {
 public:
  /// Any thread may call it, at any time.
  Done load() {
    const std::lock_guard lock(mutex_);
    if (loaded_ != nullptr) return {};
    MSB_TRY(functions_, Functions::load());
    loaded_ = &functions_;
    return {};
  }
  /// For what runs after load(), such as anything that holds an object of the library.
  const Functions& operator*() const { return *loaded_; }

 private:
  std::mutex mutex_;
  Functions functions_{};
  std::atomic<const Functions*> loaded_ = nullptr;
};

}  // namespace msb::os
