#pragma once

#include <string>
#include <vector>

#include "runtime/machine.h"

namespace msb::runtime {

/// @retval Status::unsupported  it was asked for by name, and this host has none that this process may use
Done check_accelerator(Accelerator accelerator);

/// What to try, in this order. KVM only where its device can be used, and, when any will do, only if it was not found
/// during this boot of the host that it runs no guest: that exists, with virtualisation inside virtualisation.
std::vector<Accelerator> accelerators_to_try(const Machine& machine);

/// How long one that was not asked for by name may take until a guest says its first word.
inline constexpr std::chrono::milliseconds kTrialLimit{5'000};

/// Remembers, until the host boots again, that KVM does not work. A hint: failures are ignored.
void remember_broken_kvm(const std::string& file);

}  // namespace msb::runtime
