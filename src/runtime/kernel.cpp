#include "runtime/kernel.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <set>
#include <string_view>

#include "os/dir.h"

namespace msb::runtime {
namespace {

constexpr char kPackage[] = "linux-image-amd64";
constexpr char kPrefix[] = "vmlinuz-";
constexpr size_t kMaxIndex = size_t{8} << 20;
constexpr size_t kMaxRelease = 128;

Error missing(const std::string& what) {
  return Error(Status::unsupported, what + "; install the package " + kPackage + " (or linux-image-cloud-amd64)")
      .with("package", kPackage);
}

bool is_release(std::string_view text) {
  return !text.empty() && text.front() != '.' && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("._+~-").find(c) != std::string_view::npos;
  });
}

Result<Kernel> read_kernel(os::Fs& fs, const std::string& path, const KernelPlaces& places) {
  MSB_TRY(const os::File file, os::File::open(fs, AT_FDCWD, path, O_RDONLY));
  std::vector<std::byte> head(kKernelHead);
  MSB_TRY(const size_t got, file.read_at(head, 0));
  auto release = read_release(Bytes(head).first(got));
  if (!release) {
    return Error(Status::invalid_argument, path + " is no Linux kernel for x86 (bzImage)").with("path", path);
  }
  std::string modules = os::join_path(places.modules, *release);
  return Kernel{path, std::move(*release), std::move(modules)};
}

/// `virtio_blk` for `kernel/drivers/block/virtio-blk.ko.xz`.
std::string module_name(std::string_view path) {
  std::string name = os::base_name(path);
  name.resize(std::min(name.find(".ko"), name.size()));
  std::ranges::replace(name, '-', '_');
  return name;
}

template <typename Each>
void each_line(std::string_view text, Each&& each) {
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    each(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

struct Module {
  std::string path;
  std::vector<std::string> needs;  ///< names, what is needed last comes first
};

std::map<std::string, Module> read_dependencies(std::string_view text) {
  std::map<std::string, Module> modules;
  each_line(text, [&](std::string_view line) {
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos) return;
    Module module{std::string(line.substr(0, colon)), {}};
    for (std::string_view rest = line.substr(colon + 1); !rest.empty();) {
      const size_t end = std::min(rest.find(' '), rest.size());
      if (end > 0) module.needs.push_back(module_name(rest.substr(0, end)));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    std::string name = module_name(module.path);
    modules.emplace(std::move(name), std::move(module));
  });
  return modules;
}

}  // namespace

std::optional<std::string> read_release(Bytes head) {
  constexpr size_t kMagic = 0x202;
  constexpr size_t kVersionPointer = 0x20e;
  constexpr size_t kPointerBase = 0x200;
  if (head.size() < kVersionPointer + 2 || as_text(head.subspan(kMagic, 4)) != "HdrS") return std::nullopt;
  const auto pointer = load_le<uint16_t>(head, kVersionPointer);
  const size_t at = kPointerBase + pointer;
  if (pointer == 0 || at >= head.size()) return std::nullopt;
  const std::string_view text = as_text(head.subspan(at, std::min(head.size() - at, kMaxRelease)));
  const std::string_view release = text.substr(0, text.find_first_of(std::string_view(" \0", 2)));
  if (release.size() == text.size() || !is_release(release)) return std::nullopt;
  return std::string(release);
}

Result<Kernel> find_kernel(os::Fs& fs, const std::optional<std::string>& path, const KernelPlaces& places) {
  if (path) {
    MSB_TRY(Kernel kernel, read_kernel(fs, *path, places));
    MSB_TRY(const bool there, os::exists(fs, kernel.modules));
    if (!there) return missing("kernel " + kernel.release + " has no modules in " + kernel.modules);
    return kernel;
  }
  std::vector<std::string> names;
  if (const auto boot = os::open_dir(fs, places.boot)) {
    MSB_TRY(const auto entries, os::list_dir(*boot));
    for (const os::DirEntry& entry : entries) {
      if (entry.name.starts_with(kPrefix)) names.push_back(entry.name);
    }
  }
  std::ranges::sort(names, [](const auto& a, const auto& b) { return ::strverscmp(a.c_str(), b.c_str()) > 0; });
  for (const std::string& name : names) {
    auto kernel = read_kernel(fs, os::join_path(places.boot, name), places);
    if (!kernel && kernel.error().os_code() == EACCES && name == names.back()) return std::move(kernel).error();
    if (!kernel) continue;
    MSB_TRY(const bool there, os::exists(fs, kernel->modules));
    if (there) return kernel;
  }
  return missing("no kernel for machines in " + places.boot + " that has its modules in " + places.modules);
}

Result<std::vector<std::string>> resolve_modules(os::Fs& fs, const Kernel& kernel,
                                                 const std::vector<std::string>& names,
                                                 const std::vector<std::string>& optional) {
  MSB_TRY(const std::string text,
          os::read_small(fs, AT_FDCWD, os::join_path(kernel.modules, "modules.dep"), kMaxIndex));
  const auto builtin_text = os::read_small(fs, AT_FDCWD, os::join_path(kernel.modules, "modules.builtin"), kMaxIndex);
  const auto modules = read_dependencies(text);
  std::set<std::string> done;  // loaded, built in, or on the way
  if (builtin_text) {
    each_line(*builtin_text, [&](std::string_view line) { done.insert(module_name(line)); });
  }
  std::vector<std::string> order;
  const auto load = [&](const auto& self, const std::string& name) -> bool {
    if (done.contains(name)) return true;
    const auto module = modules.find(name);
    if (module == modules.end()) return false;
    done.insert(name);
    for (auto need = module->second.needs.rbegin(); need != module->second.needs.rend(); ++need) self(self, *need);
    order.push_back(module->second.path);
    return true;
  };
  for (const std::string& name : optional) load(load, name);
  for (const std::string& name : names) {
    if (load(load, name)) continue;
    return missing("kernel " + kernel.release + " has no module " + name).with("path", kernel.modules);
  }
  return order;
}

}  // namespace msb::runtime
