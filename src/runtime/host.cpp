#include "runtime/host.h"

#include <dlfcn.h>
#include <unistd.h>

#include <cstdlib>
#include <vector>

#include "os/dir.h"

namespace msb::runtime {
namespace {

constexpr char kQemu[] = "qemu-system-x86_64";
constexpr char kQemuPackage[] = "qemu-system-x86";

bool is_program(const std::string& path) { return ::access(path.c_str(), X_OK) == 0; }

/// Directory of the library, or of the program that it is part of.
std::string own_directory() {
  Dl_info info{};
  if (::dladdr(reinterpret_cast<const void*>(&find_helper), &info) == 0 || info.dli_fname == nullptr) return ".";
  const auto path = os::canonical_path(info.dli_fname);
  return os::parent_path(path ? *path : std::string(info.dli_fname));
}

}  // namespace

Result<std::string> find_helper(const std::string& name) {
  std::vector<std::string> places;
  if (const char* told = std::getenv("MSB_HELPERS"); told != nullptr && *told != '\0') places.emplace_back(told);
  places.push_back(own_directory() + "/microsandbox");
  places.emplace_back(MSB_INSTALLED_HELPERS);
  for (const std::string& place : places) {
    const std::string path = os::join_path(place, name);
    if (is_program(path)) return os::absolute_path(path);  // it is started in another directory
  }
  return Error(Status::unsupported, "the program " + name + " of this library is neither in " + places.front() +
                                        " nor in " + places.back() + "; set MSB_HELPERS to its directory")
      .with("path", os::join_path(places.front(), name));
}

Result<std::string> find_qemu() {
#if !defined(__x86_64__)
  return Error(Status::unsupported, "machines run on x86-64 hosts only");
#endif
  const char* path = std::getenv("PATH");
  std::string_view rest = path != nullptr ? path : "/usr/bin:/bin";
  while (!rest.empty()) {
    const size_t end = std::min(rest.find(':'), rest.size());
    std::string program = os::join_path(rest.substr(0, end), kQemu);
    if (program.starts_with('/') && is_program(program)) return program;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return Error(Status::unsupported,
               std::string("no QEMU (") + kQemu + ") in the path; install the package " + kQemuPackage)
      .with("package", kQemuPackage);
}

}  // namespace msb::runtime
