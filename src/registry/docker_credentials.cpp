#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <vector>

#include "json/node.h"
#include "json/parse.h"
#include "os/command.h"
#include "os/dir.h"
#include "os/file.h"
#include "registry/base64.h"
#include "registry/credentials.h"

namespace msb::registry {
namespace {

constexpr char kLog[] = "registry";
constexpr size_t kMaxConfig = size_t{1} << 20;
constexpr std::chrono::milliseconds kHelperTime{30'000};
constexpr std::string_view kTokenUser = "<token>";  // how helpers say that the secret is an identity token

using Found = std::optional<Credentials>;

std::string config_path() {
  const char* folder = std::getenv("DOCKER_CONFIG");
  const bool named = folder != nullptr && *folder != '\0';
  return os::join_path(named ? folder : os::expand_home("~/.docker"), "config.json");
}

/// The names under which Docker and others have stored the credentials of a host, the usual one first.
std::vector<std::string> names_of(const std::string& host) {
  if (host == "docker.io") {
    return {"https://index.docker.io/v1/", "index.docker.io",      "https://index.docker.io",     "docker.io",
            "https://docker.io",           "registry-1.docker.io", "https://registry-1.docker.io"};
  }
  return {host, "https://" + host};
}

/// The host of a key, as Docker takes it: what is between the scheme and the path.
std::string_view host_of(std::string_view key) {
  for (const std::string_view scheme : {"https://", "http://"}) {
    if (key.starts_with(scheme)) key.remove_prefix(scheme.size());
  }
  return key.substr(0, key.find('/'));
}

/// The entry of `auths` for a host under a name of its own, or else under any that leads there.
const json::Value* entry_of(const json::Value* auths, const std::string& name) {
  if (auths == nullptr || auths->object() == nullptr) return nullptr;
  if (const json::Value* exact = auths->find(name)) return exact;
  for (const auto& [key, entry] : *auths->object()) {
    if (host_of(key) == name) return &entry;
  }
  return nullptr;
}

bool is_helper_name(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.';
  });
}

const std::string* text_at(const json::Value* object, std::string_view name) {
  const json::Value* value = object != nullptr ? object->find(name) : nullptr;
  return value != nullptr ? value->string() : nullptr;
}

/// What `docker-credential-<helper> get` says, which has its own rules: the name goes in on standard input, so that no
/// list of processes shows it, and what it does not know is exit code 1.
Result<Found> ask_helper(const std::string& helper, const std::string& name, const Call& call) {
  if (!is_helper_name(helper)) return Error(Status::invalid_config, "a credential helper has a name that is none");
  os::CommandLimits limits;
  limits.time = kHelperTime;
  MSB_TRY(const os::CommandResult said, os::run_command({"docker-credential-" + helper, "get"}, name, limits, call));
  if (said.exit_code != 0) return Found();
  auto answer = json::parse(said.output, {.status = Status::invalid_config});
  // Not the parser's words: they may quote what is secret.
  if (!answer) return Error(Status::invalid_config, "the credential helper " + helper + " does not answer in JSON");
  const std::string* username = text_at(&*answer, "Username");
  const std::string* secret = text_at(&*answer, "Secret");
  if (username == nullptr || secret == nullptr || secret->empty()) return Found();
  if (*username == kTokenUser) return Found(Credentials{{}, {}, *secret});
  return Found(Credentials{*username, *secret, {}});
}

/// An entry of `auths`.
Found read_entry(const json::Value& entry) {
  if (const std::string* token = text_at(&entry, "identitytoken"); token != nullptr && !token->empty()) {
    return Credentials{{}, {}, *token};
  }
  if (const std::string* both = text_at(&entry, "auth"); both != nullptr && !both->empty()) {
    const auto decoded = from_base64(*both);
    const size_t colon = decoded ? decoded->find(':') : std::string::npos;
    if (colon == std::string::npos) return std::nullopt;
    std::string password = decoded->substr(colon + 1);
    while (password.ends_with('\0')) password.pop_back();  // as Docker does
    return Credentials{decoded->substr(0, colon), std::move(password), {}};
  }
  const std::string* username = text_at(&entry, "username");
  const std::string* password = text_at(&entry, "password");
  if (username == nullptr || password == nullptr) return std::nullopt;
  return Credentials{*username, *password, {}};
}

}  // namespace

Result<Found> find_docker_credentials(const std::string& host, const Log& log, const Call& call) {
  const std::string path = config_path();
  const auto text = os::read_small(os::real_fs(), AT_FDCWD, path, kMaxConfig);
  if (!text) {
    if (text.error().os_code() != ENOENT) log.warn(kLog, text.error().message());
    return Found();
  }
  const auto config = json::parse(*text, {.status = Status::invalid_config});
  if (!config) {
    log.warn(kLog, path + " is not JSON and is left aside");
    return Found();
  }
  const json::Value* helpers = config->find("credHelpers");
  const json::Value* auths = config->find("auths");
  const std::string* store = text_at(&*config, "credsStore");
  for (const std::string& name : names_of(host)) {
    MSB_CHECK(call.check());
    const std::string* helper = text_at(helpers, name);
    if (helper == nullptr) helper = store;
    if (helper != nullptr && !helper->empty()) {
      auto found = ask_helper(*helper, name, call);
      if (!found) {
        MSB_CHECK(call.check());
        log.warn(kLog, "credential helper " + *helper + " for " + host + ": " + found.error().message());
      } else if (*found) {
        return found;
      }
    }
    const json::Value* entry = entry_of(auths, name);
    if (entry == nullptr) continue;
    if (auto found = read_entry(*entry)) return found;
  }
  return Found();
}

}  // namespace msb::registry
