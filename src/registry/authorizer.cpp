#include "registry/authorizer.h"

#include <algorithm>
#include <chrono>

#include "json/parse.h"
#include "registry/base64.h"

namespace msb::registry {
namespace {

constexpr size_t kMaxTokenAnswer = size_t{256} << 10;
constexpr uint64_t kDefaultLifetime = 60;   // seconds, where the realm does not say
constexpr std::chrono::seconds kMargin{5};  // a token that is about to expire is not sent
constexpr char kClient[] = "libmicrosandbox";

std::string basic(const Credentials& credentials) {
  return "Basic " + to_base64(credentials.username + ':' + credentials.password);
}

/// Tokens become a header: nothing that would end it.
bool is_sendable(const std::string& token) {
  return !token.empty() && std::all_of(token.begin(), token.end(), [](char c) { return c > ' ' && c != 0x7F; });
}

const Challenge* find_scheme(const std::vector<Challenge>& challenges, std::string_view scheme) {
  const auto found =
      std::find_if(challenges.begin(), challenges.end(), [&](const Challenge& one) { return one.scheme == scheme; });
  return found == challenges.end() ? nullptr : &*found;
}

Error refused(const Url& realm, int status) {
  const bool denied = status == 401 || status == 403;
  Error error(Status::http, realm.shown() + " gives no token: status " + std::to_string(status) +
                                (denied ? "; check the credentials" : ""));
  error = std::move(error).with("http_status", std::to_string(status));
  return status == 429 || status >= 500 ? transient(std::move(error)) : std::move(error);
}

}  // namespace

std::string Authorizer::known(const Endpoint& endpoint, const std::string& scope) {
  const auto found = tokens_.find({endpoint.base.origin(), scope});
  if (found == tokens_.end()) return {};
  if (found->second.expires - kMargin > Call::Clock::now()) return found->second.header;
  tokens_.erase(found);
  return {};
}

std::string Authorizer::header(const Endpoint& endpoint, const std::string& scope) {
  const std::lock_guard lock(mutex_);
  return known(endpoint, scope);
}

Result<std::string> Authorizer::answer(const Endpoint& endpoint, const std::string& scope, const HttpResponse& refusal,
                                       const std::string& sent, const Call& call) {
  const std::lock_guard lock(mutex_);
  const std::string current = known(endpoint, scope);
  if (!current.empty() && current != sent) return current;  // somebody else has been told the same, and has asked
  tokens_.erase({endpoint.base.origin(), scope});
  std::vector<Challenge> challenges;
  for (const std::string& value : refusal.headers("www-authenticate")) {
    MSB_TRY(auto some, parse_challenges(value));
    std::move(some.begin(), some.end(), std::back_inserter(challenges));
  }
  MSB_TRY(Token token, respond(endpoint, scope, challenges, call));
  if (token.header.empty() || token.header == sent) return std::string();
  std::string header = token.header;
  tokens_[{endpoint.base.origin(), scope}] = std::move(token);
  return header;
}

Result<Authorizer::Token> Authorizer::respond(const Endpoint& endpoint, const std::string& scope,
                                              const std::vector<Challenge>& challenges, const Call& call) {
  auto known = credentials_.find(endpoint.name);
  if (known == credentials_.end()) {
    MSB_TRY(auto found, lookup_(endpoint.name, call));
    known = credentials_.emplace(endpoint.name, std::move(found)).first;
  }
  const auto& credentials = known->second;
  if (const Challenge* bearer = find_scheme(challenges, "bearer")) {
    return fetch_token(*bearer, scope, credentials, call);
  }
  if (find_scheme(challenges, "basic") == nullptr || !credentials || credentials->username.empty()) return Token();
  return Token{basic(*credentials)};
}

Result<Authorizer::Token> Authorizer::fetch_token(const Challenge& challenge, const std::string& scope,
                                                  const std::optional<Credentials>& credentials, const Call& call) {
  const std::string* where = challenge.find("realm");
  if (where == nullptr) return Error(Status::http, "the registry wants a token and does not say from where");
  auto realm = Url::parse(*where);
  if (!realm) return Error(Status::http, "the registry wants a token from what is no address");
  const std::string* service = challenge.find("service");
  const std::string* wanted = challenge.find("scope");
  std::string parameters = "scope=" + escape_query(wanted != nullptr && !wanted->empty() ? *wanted : scope);
  if (service != nullptr && !service->empty()) parameters += "&service=" + escape_query(*service);
  Retry retry(http_->patience());
  while (true) {
    auto token = ask_realm(*realm, parameters, credentials, call);
    if (token) return token;
    MSB_CHECK(retry.wait(std::move(token).error(), call));
  }
}

Result<Authorizer::Token> Authorizer::ask_realm(const Url& realm, const std::string& parameters,
                                                const std::optional<Credentials>& credentials, const Call& call) {
  HttpRequest request{realm};
  if (credentials && !credentials->identity_token.empty()) {
    request.method = "POST";
    request.headers.emplace_back("Content-Type: application/x-www-form-urlencoded");
    request.body = "grant_type=refresh_token&client_id=" + std::string(kClient) + "&" + parameters +
                   "&refresh_token=" + escape_query(credentials->identity_token);
  } else {
    const char* const joint = realm.text().find('?') == std::string::npos ? "?" : "&";
    MSB_TRY(request.url, Url::parse(realm.text() + joint + parameters));
    if (credentials) request.authorization = basic(*credentials);
  }
  const auto asked = Call::Clock::now();
  MSB_TRY(const auto response, http_->send(std::move(request), call));
  if (response->status() != 200) return refused(realm, response->status());
  MSB_TRY(const std::string text, response->text(kMaxTokenAnswer));
  // Nothing of the answer goes into a message.
  const auto answer = json::parse(text, {.status = Status::http});
  if (!answer) return Error(Status::http, realm.shown() + " does not answer in JSON");
  const json::Value* member = answer->find("token");
  if (member == nullptr || member->string() == nullptr) member = answer->find("access_token");
  if (member == nullptr || member->string() == nullptr || !is_sendable(*member->string())) {
    return Error(Status::http, realm.shown() + " gives no token");
  }
  const json::Value* lifetime = answer->find("expires_in");
  constexpr uint64_t kMostLifetime = 86400;
  const uint64_t seconds = lifetime != nullptr ? lifetime->u64().value_or(kDefaultLifetime) : kDefaultLifetime;
  return Token{"Bearer " + *member->string(), asked + std::chrono::seconds(std::min(seconds, kMostLifetime))};
}

}  // namespace msb::registry
