#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/call.h"
#include "base/log.h"
#include "registry/settings.h"

namespace msb::registry {

/// Whom a registry knows us as. Secret: never in a log, a message or an argument of a program.
struct Credentials {
  std::string username;
  std::string password;
  std::string identity_token;  ///< of OAuth 2, in place of the others; exchanged for a token at the realm

  bool operator==(const Credentials&) const = default;
};

/// Looks credentials for a registry up, by the name that references give it (`docker.io`, `localhost:5000`): what the
/// settings say for the host, else Docker's configuration with its helpers. Nothing means anonymous.
/// @retval Status::invalid_config  the settings name a source that does not have them
Result<std::optional<Credentials>> find_credentials(const Settings& settings, const std::string& host, const Log& log,
                                                    const Call& call);

/// The same from Docker's configuration alone: `$DOCKER_CONFIG/config.json`, else `~/.docker/config.json`. One that is
/// malformed, or whose helper fails, is left aside with a line in the log: it belongs to somebody else.
Result<std::optional<Credentials>> find_docker_credentials(const std::string& host, const Log& log, const Call& call);

}  // namespace msb::registry
