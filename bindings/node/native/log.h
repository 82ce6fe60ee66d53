#pragma once

#include <microsandbox.h>
#include <napi.h>

#include <cstdint>
#include <utility>

namespace msb_node {

class Environment;

/// Hands the lines that a client logs, on whichever thread, to a function of JavaScript. Made and destroyed on the
/// JavaScript thread. It has to outlive the client's last line; Environment sees to that.
class Log {
 public:
  Log(Environment& environment, Napi::FunctionReference listener)
      : environment_(environment), listener_(std::move(listener)) {}

  /// An msb_log_fn; `user` is the Log.
  static void write(uint32_t level, const char* target, const char* message, void* user);

  /// The environment ends: nothing is handed on any more.
  void mute() { listener_.Reset(); }

 private:
  Environment& environment_;
  Napi::FunctionReference listener_;
};

}  // namespace msb_node
