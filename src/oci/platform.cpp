#include "oci/platform.h"

#include <algorithm>
#include <vector>

#include <sys/utsname.h>

#include "base/number.h"

namespace msb::oci {
namespace {

/// Go's name of an architecture, which images use, for the kernel's name of a machine.
void rename_machine(Platform& platform) {
  std::string& name = platform.architecture;
  if (name == "x86_64") {
    name = "amd64";
  } else if (name == "aarch64") {
    name = "arm64";
  } else if (name == "armhf" || name == "armv7l" || name == "armv8l") {
    name = "arm";
    if (platform.variant.empty()) platform.variant = "v7";
  } else if (name == "armel" || name == "armv6l") {
    name = "arm";
    if (platform.variant.empty()) platform.variant = "v6";
  } else if (name == "i386" || name == "i486" || name == "i586" || name == "i686") {
    name = "386";
  }
}

/// Number of a variant `vN`, or of the one that goes without saying. Nothing for other variants.
std::optional<int> level(const Platform& platform) {
  std::string_view variant = platform.variant;
  if (variant.empty()) return platform.architecture == "arm64" ? 8 : platform.architecture == "arm" ? 7 : 1;
  if (variant.front() != 'v') return std::nullopt;
  variant.remove_prefix(1);
  constexpr int kMost = 1000;
  const auto number = parse_number<int>(variant);
  return number && *number >= 0 && *number <= kMost ? number : std::nullopt;
}

bool is_word(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
           c == '-';
  });
}

}  // namespace

Result<Platform> Platform::parse(std::string_view text) {
  std::vector<std::string> parts;
  for (size_t begin = 0;;) {
    const size_t end = text.find('/', begin);
    parts.emplace_back(text.substr(begin, end - begin));
    if (end == std::string_view::npos) break;
    begin = end + 1;
  }
  const bool words = std::all_of(parts.begin(), parts.end(), is_word);
  if (!words || parts.size() < 2 || parts.size() > 3) {
    return Error(Status::invalid_argument, "platform '" + std::string(text) +
                                               "' is not of the form os/architecture[/variant], as in linux/amd64");
  }
  Platform platform{parts[0], parts[1], parts.size() == 3 ? parts[2] : ""};
  rename_machine(platform);
  return platform;
}

Platform Platform::host() {
  struct utsname names {};
  ::uname(&names);
  Platform platform{"linux", names.machine, ""};
  rename_machine(platform);
  return platform;
}

std::string Platform::text() const {
  std::string text = os + '/' + architecture;
  if (!variant.empty()) text += '/' + variant;
  return text;
}

std::optional<int> Platform::rank(const Platform& offered) const {
  if (offered.os != os || offered.architecture != architecture) return std::nullopt;
  constexpr int kSame = 3000;
  if (offered.variant == variant) return kSame;
  const auto mine = level(*this);
  const auto other = level(offered);
  if (!mine || !other) return offered.variant.empty() ? std::optional(0) : std::nullopt;
  if (*other > *mine) return std::nullopt;
  // `v8` and nothing at all are the same level of arm64, but who says it means it.
  return *other * 2 + (offered.variant.empty() ? 0 : 1);
}

}  // namespace msb::oci
