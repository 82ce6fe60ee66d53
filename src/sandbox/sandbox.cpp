#include "sandbox/sandbox.h"

#include <algorithm>

namespace msb::sandbox {
namespace {

constexpr size_t kMaxName = 128;

bool is_alphanumeric(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

Error bad_name(std::string_view name, std::string_view why) {
  return Error(msb::Status::invalid_config, "name of a sandbox " + std::string(why)).with("name", name);
}

}  // namespace

std::string_view status_name(Status status) {
  switch (status) {
    case Status::created:
      return "created";
    case Status::starting:
      return "starting";
    case Status::running:
      return "running";
    case Status::draining:
      return "draining";
    case Status::paused:
      return "paused";
    case Status::stopped:
      return "stopped";
    case Status::crashed:
      return "crashed";
  }
  return "unknown";
}

Done check_name(std::string_view name) {
  if (name.empty()) return bad_name(name, "is empty");
  if (name.size() > kMaxName) {
    return bad_name(name.substr(0, kMaxName),
                    "has " + std::to_string(name.size()) + " bytes, and may have " + std::to_string(kMaxName));
  }
  const bool spelled =
      std::ranges::all_of(name, [](char c) { return is_alphanumeric(c) || c == '.' || c == '_' || c == '-'; });
  if (!spelled) return bad_name(name, "may consist of A-Z a-z 0-9 . _ - only");
  if (!is_alphanumeric(name.front())) return bad_name(name, "must begin with a letter or a digit");
  return {};
}

}  // namespace msb::sandbox
