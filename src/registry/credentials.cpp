#include "registry/credentials.h"

#include <fcntl.h>

#include <cstdlib>

#include "os/dir.h"
#include "os/file.h"

namespace msb::registry {
namespace {

constexpr size_t kMaxSecret = size_t{64} << 10;

std::string trimmed(const std::string& text) {
  constexpr const char* kSpace = " \t\r\n";
  const size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

Error missing(const std::string& host, const std::string& what) {
  return Error(Status::invalid_config, "credentials for " + host + ": " + what).with("name", host);
}

Result<std::string> read_secret(const Settings& settings, const AuthSource& source, const std::string& host) {
  auto text = os::read_small(os::real_fs(), AT_FDCWD, os::join_path(settings.secrets, source.name), kMaxSecret);
  if (!text) return missing(host, "the secret " + source.name + " cannot be read").because(std::move(text).error());
  return trimmed(*text);
}

}  // namespace

Result<std::optional<Credentials>> find_credentials(const Settings& settings, const std::string& host, const Log& log,
                                                    const Call& call) {
  const HostSettings* said = settings.find(host);
  if (said != nullptr && said->auth) {
    const AuthSource& source = *said->auth;
    switch (source.kind) {
      case AuthSource::Kind::environment: {
        const char* password = std::getenv(source.name.c_str());
        if (password == nullptr) return missing(host, "the variable " + source.name + " is not set");
        return std::optional(Credentials{source.username, password, {}});
      }
      case AuthSource::Kind::secret_file: {
        MSB_TRY(std::string password, read_secret(settings, source, host));
        return std::optional(Credentials{source.username, std::move(password), {}});
      }
      case AuthSource::Kind::keyring:
        log.warn("registry",
                 "credentials of " + host + " lie in a keyring, which is not asked; pass them with the call");
        break;
    }
  }
  return find_docker_credentials(host, log, call);
}

}  // namespace msb::registry
