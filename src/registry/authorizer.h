#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "base/call.h"
#include "registry/challenge.h"
#include "registry/credentials.h"
#include "registry/http.h"

namespace msb::registry {

/// A server that speaks the registry protocol.
struct Endpoint {
  std::string name;  ///< host as references and settings have it: `docker.io`
  Url base;          ///< `https://registry-1.docker.io`
};

/// Gets registries to let us in: answers their challenges, with Basic or with a token of the realm they name, and
/// remembers the answers until they expire. Credentials are shown only to who asks for them, and never before. Any
/// thread.
class Authorizer {
 public:
  using Lookup = std::function<Result<std::optional<Credentials>>(const std::string& name, const Call& call)>;
  /// `http` outlives the object.
  Authorizer(Http& http, Lookup lookup) : http_(&http), lookup_(std::move(lookup)) {}

  /// Value of the Authorization header for requests in `scope` (`repository:library/python:pull`), as far as it is
  /// known; empty for none.
  std::string header(const Endpoint& endpoint, const std::string& scope);
  /// After a 401 to a request that carried `sent`: the header for the next attempt, empty when there is none to make.
  /// @retval Status::http  the realm does not give a token, or the challenge is malformed
  Result<std::string> answer(const Endpoint& endpoint, const std::string& scope, const HttpResponse& refusal,
                             const std::string& sent, const Call& call);

 private:
  struct Token {
    std::string header;
    Call::Clock::time_point expires = Call::Clock::time_point::max();
  };

  std::string known(const Endpoint& endpoint, const std::string& scope);
  Result<Token> respond(const Endpoint& endpoint, const std::string& scope, const std::vector<Challenge>& challenges,
                        const Call& call);
  Result<Token> fetch_token(const Challenge& challenge, const std::string& scope,
                            const std::optional<Credentials>& credentials, const Call& call);
  Result<Token> ask_realm(const Url& realm, const std::string& parameters,
                          const std::optional<Credentials>& credentials, const Call& call);

  Http* http_;
  Lookup lookup_;
  std::mutex mutex_;  // held while a token is fetched: who waits needs the same one
  std::map<std::pair<std::string, std::string>, Token> tokens_;
  std::map<std::string, std::optional<Credentials>> credentials_;
};

}  // namespace msb::registry
