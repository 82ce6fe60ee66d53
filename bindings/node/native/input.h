#pragma once

#include <microsandbox.h>
#include <napi.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "handle.h"
#include "names.h"

namespace msb_node {

/// A list of strings as the library takes them. The view is valid while the list is, and does not move.
class Texts {
 public:
  explicit Texts(std::vector<std::string> texts) : texts_(std::move(texts)) {}
  std::vector<const char*> view() const;

 private:
  std::vector<std::string> texts_;
};

/// Pairs of key and value, likewise.
class Pairs {
 public:
  explicit Pairs(std::vector<std::pair<std::string, std::string>> pairs) : pairs_(std::move(pairs)) {}
  std::vector<msb_kv> view() const;

 private:
  std::vector<std::pair<std::string, std::string>> pairs_;
};

inline const char* c_str(const std::optional<std::string>& text) { return text ? text->c_str() : nullptr; }

class Inputs;

/// One value that JavaScript passed. Reading it as what it is not yields nothing and spoils the Inputs it is of.
/// undefined and null stand for what is absent.
class Input {
 public:
  Input(Inputs& inputs, Napi::Value value, std::string name)
      : inputs_(&inputs), value_(value), name_(std::move(name)) {}

  Inputs& inputs() const { return *inputs_; }
  /// Spoils them with "NAME must be WHAT".
  void is_not(const char* what) const;
  bool given() const { return !value_.IsEmpty() && !value_.IsUndefined() && !value_.IsNull(); }

  /// Member of an object; absent where the object is.
  Input operator[](const char* key) const;

  std::string text() const;
  std::optional<std::string> optional_text() const;
  bool flag() const;                         ///< false when absent
  uint32_t one_of(Names names) const;        ///< value of a name; 0 when absent
  uint32_t number() const;                   ///< 0 when absent
  uint64_t integer() const;                  ///< of a bigint or a number; 0 when absent
  Texts texts() const;                       ///< of an array of strings
  Pairs pairs() const;                       ///< of an array of [key, value]
  Napi::FunctionReference listener() const;  ///< empty when absent

  /// The library itself says so when the object is of another kind, or closed.
  template <typename T>
  Owned<T> handle() const {
    return Owned<T>(static_cast<T*>(any_handle().release()));
  }

 private:
  Owned<void> any_handle() const;

  Inputs* inputs_;
  Napi::Value value_;
  std::string name_;
};

/// The arguments of one call from JavaScript.
class Inputs {
 public:
  explicit Inputs(const Napi::CallbackInfo& info) : info_(info) {}
  Inputs(const Inputs&) = delete;
  Inputs& operator=(const Inputs&) = delete;

  Napi::Env env() const { return info_.Env(); }
  Input at(std::size_t index, const char* name) { return {*this, info_[index], name}; }

  /// Remembers what is wrong; only the first counts.
  void spoil(Napi::Error error);
  bool good() const { return !wrong_.has_value(); }

  /// Throws what was wrong.
  Napi::Value refuse() const;

 private:
  const Napi::CallbackInfo& info_;
  std::optional<Napi::Error> wrong_;
};

}  // namespace msb_node
