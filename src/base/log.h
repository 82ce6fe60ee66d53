#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace msb {

/// Values are those of MSB_LOG_… in the header.
enum class LogLevel : uint32_t { error = 1, warn, info, debug };

/// Where a client's modules say what is no failure: an artifact skipped, a file rebuilt. Made once per client; any
/// thread may write. Never receives secrets.
class Log {
 public:
  using Sink = std::function<void(LogLevel, const char* target, const char* message)>;

  Log() = default;
  Log(Sink sink, LogLevel most) : sink_(std::move(sink)), most_(most) {}

  void write(LogLevel level, const char* target, const std::string& message) const {
    if (sink_ && level <= most_) sink_(level, target, message.c_str());
  }
  void warn(const char* target, const std::string& message) const { write(LogLevel::warn, target, message); }
  void info(const char* target, const std::string& message) const { write(LogLevel::info, target, message); }
  void debug(const char* target, const std::string& message) const { write(LogLevel::debug, target, message); }

 private:
  Sink sink_;
  LogLevel most_ = LogLevel::warn;
};

}  // namespace msb
