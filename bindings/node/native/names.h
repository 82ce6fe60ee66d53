#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace msb_node {

/// What programs call the values of an enumeration of microsandbox.h, by value. "" is for what has no name.
using Names = std::span<const char* const>;

inline constexpr std::array kLogLevels{"", "error", "warn", "info", "debug"};              ///< MSB_LOG_…
inline constexpr std::array kOutputs{"", "stdout", "stderr", "console", "machine"};        ///< MSB_OUTPUT_…
inline constexpr std::array kAccelerators{"auto", "kvm", "tcg"};                           ///< MSB_ACCELERATOR_…
inline constexpr std::array kEnds{"", "exited", "signalled", "failed", "killed", "lost"};  ///< MSB_END_…

/// Of a value of a newer library: "".
inline const char* name_of(Names names, uint32_t value) { return value < names.size() ? names[value] : ""; }

}  // namespace msb_node
