#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "os/fs.h"

namespace msb::registry {

/// Where the password of a host is found (formats/images.md §11.1).
struct AuthSource {
  enum class Kind { keyring, environment, secret_file };
  std::string username;  ///< empty for `keyring`, whose entry has it
  Kind kind = Kind::keyring;
  std::string name;  ///< of the variable, or of the file below Settings::secrets

  bool operator==(const AuthSource&) const = default;
};

struct HostSettings {
  bool insecure = false;  ///< plain HTTP
  std::optional<AuthSource> auth;
  std::vector<std::string> mirrors;  ///< hosts that are asked first, in this order
};

/// What a home's config.json says about registries, under `registries`: `ca_certs`, `hosts.<host>.insecure`,
/// `hosts.<host>.auth` as in microsandbox, and `hosts.<host>.mirrors`, an array of hosts, which is ours.
struct Settings {
  std::vector<std::string> ca_files;  ///< PEM, trusted beside the roots of the system
  std::map<std::string, HostSettings, std::less<>> hosts;
  std::string secrets;  ///< directory of secret files

  /// `path` is the config.json of the home at `root`; a missing one says nothing.
  /// @retval Status::invalid_config  it is malformed; fact `member`
  static Result<Settings> read(os::Fs& fs, const std::string& path, const std::string& root);
  static Result<Settings> parse(std::string_view text, const std::string& root);

  /// Null when nothing is said about it.
  const HostSettings* find(std::string_view host) const;
};

/// `host[:port]`: nothing that would change the meaning of a URL.
bool is_host(std::string_view text);

}  // namespace msb::registry
