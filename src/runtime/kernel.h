#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "os/fs.h"

namespace msb::runtime {

/// A kernel for x86-64 machines, and where its modules are.
struct Kernel {
  std::string path;
  std::string release;  ///< as `uname -r` would say
  std::string modules;  ///< directory
};

/// Where kernels and modules are looked for.
struct KernelPlaces {
  std::string boot = "/boot";
  std::string modules = "/lib/modules";
};

/// The release that the head of a bzImage names (Documentation/arch/x86/boot.rst of Linux); nothing when the bytes are
/// no such head.
std::optional<std::string> read_release(Bytes head);
inline constexpr size_t kKernelHead = size_t{64} << 10;

/// The kernel at `path`, else the newest one that has modules.
/// @retval Status::unsupported  there is none, or none with modules; fact `package` says what to install
/// @retval Status::invalid_argument  `path` is no kernel for x86
Result<Kernel> find_kernel(os::Fs& fs, const std::optional<std::string>& path, const KernelPlaces& places = {});

/// Files of modules in the order in which they load, each once and after what it needs, relative to the directory of
/// modules. What is built into the kernel is left out; `optional` ones may be missing.
/// @retval Status::unsupported  the kernel has not all of them
Result<std::vector<std::string>> resolve_modules(os::Fs& fs, const Kernel& kernel,
                                                 const std::vector<std::string>& names,
                                                 const std::vector<std::string>& optional);

}  // namespace msb::runtime
