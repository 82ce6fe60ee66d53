#pragma once

#include <string>

#include "image/context.h"
#include "runtime/kernel.h"

namespace msb::runtime {

inline constexpr char kMonitor[] = "msb-monitor";
inline constexpr char kGuestInit[] = "guest-init";

/// One of the programs that come with the library. They lie in a folder `microsandbox` beside it, or where they were
/// to be installed, or where MSB_HELPERS says.
/// @retval Status::unsupported  it is in none of these places
Result<std::string> find_helper(const std::string& name);

/// @retval Status::unsupported  there is none in $PATH, or this is no machine for it; fact `package`
Result<std::string> find_qemu();

/// The initramfs for a kernel: the first process and the modules that it loads. Kept in the cache under a name that
/// says what it was made of; what was made for the same kernel before goes.
/// @retval Status::unsupported  the kernel lacks a module
Result<std::string> provide_initramfs(const image::Context& context, const Kernel& kernel, const Call& call);

}  // namespace msb::runtime
