#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace msb::runtime {

/// What QEMU tells on its own monitor (docs/interop/qmp-spec of QEMU) that matters here.
enum class QmpNews {
  greeting,  ///< it wants kQmpBegin first
  no_space,  ///< the host has no room for what the guest writes; the machine stops
  stopped,
  resumed,
};

// Commands. Their answers say nothing that the news do not.
inline constexpr std::string_view kQmpBegin = "{\"execute\":\"qmp_capabilities\"}\n";
inline constexpr std::string_view kQmpContinue = "{\"execute\":\"cont\"}\n";

/// Cuts what arrives into news. Other lines, and lines without end, are dropped.
class QmpReader {
 public:
  void feed(std::string_view bytes, const std::function<void(QmpNews)>& each);

 private:
  std::string line_;
  bool too_long_ = false;
};

}  // namespace msb::runtime
