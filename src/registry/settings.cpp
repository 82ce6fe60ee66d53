#include "registry/settings.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>

#include "json/node.h"
#include "json/parse.h"
#include "os/dir.h"
#include "os/file.h"

namespace msb::registry {
namespace {

constexpr size_t kMaxConfig = size_t{1} << 20;
constexpr size_t kMaxHost = 300;

bool is_name(std::string_view text) {
  return !text.empty() && text != "." && text != ".." && text.find('/') == std::string_view::npos;
}

Result<AuthSource> read_auth(const json::Node& node) {
  AuthSource source;
  int sources = 0;
  MSB_TRY(const auto username, node.optional("username"));
  if (username) {
    MSB_TRY(source.username, username->string());
  }
  MSB_TRY(const auto store, node.optional("store"));
  if (store) {
    MSB_TRY(const std::string_view text, store->string());
    if (text != "keyring") return store->fault("is not \"keyring\"");
    ++sources;
  }
  MSB_TRY(const auto variable, node.optional("password_env"));
  if (variable) {
    source.kind = AuthSource::Kind::environment;
    MSB_TRY(source.name, variable->string());
    ++sources;
  }
  MSB_TRY(const auto secret, node.optional("secret_name"));
  if (secret) {
    source.kind = AuthSource::Kind::secret_file;
    MSB_TRY(source.name, secret->string());
    if (!is_name(source.name)) return secret->fault("is not the name of a file");
    ++sources;
  }
  if (sources != 1) return node.fault("needs exactly one of store, password_env and secret_name");
  if (source.username.empty()) return node.fault("has no username");
  return source;
}

Result<HostSettings> read_host(const json::Node& node) {
  HostSettings host;
  MSB_TRY(const auto insecure, node.optional("insecure"));
  if (insecure) {
    MSB_TRY(host.insecure, insecure->boolean());
  }
  MSB_TRY(const auto auth, node.optional("auth"));
  if (auth) {
    MSB_TRY(host.auth, read_auth(*auth));
  }
  MSB_TRY(const auto mirrors, node.optional("mirrors"));
  if (mirrors) {
    MSB_TRY(host.mirrors, mirrors->strings());
    if (!std::all_of(host.mirrors.begin(), host.mirrors.end(), is_host)) {
      return mirrors->fault("has an entry that is not of the form host[:port]");
    }
  }
  return host;
}

Result<Settings> read_registries(const json::Node& config, const std::string& root) {
  Settings settings;
  settings.secrets = os::join_path(root, "secrets/registries");
  MSB_TRY(const auto registries, config.optional("registries"));
  if (!registries) return settings;
  MSB_TRY(const auto certificates, registries->optional("ca_certs"));
  if (certificates) {
    MSB_TRY(const std::string_view path, certificates->string());
    settings.ca_files.emplace_back(path);
  }
  MSB_TRY(const auto hosts, registries->optional("hosts"));
  if (!hosts) return settings;
  MSB_TRY(const auto members, hosts->members());
  for (const auto& [name, node] : members) {
    if (!is_host(name)) return node.fault("is not named host[:port]");
    MSB_TRY(HostSettings host, read_host(node));
    settings.hosts.emplace(name, std::move(host));
  }
  return settings;
}

}  // namespace

bool is_host(std::string_view text) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
           c == ':' || c == '[' || c == ']' || c == '_';
  };
  return !text.empty() && text.size() <= kMaxHost && std::all_of(text.begin(), text.end(), plain);
}

Result<Settings> Settings::parse(std::string_view text, const std::string& root) {
  MSB_TRY(const json::Value config, json::parse(text, {.status = Status::invalid_config}));
  return read_registries(json::Node(config, Status::invalid_config), root);
}

Result<Settings> Settings::read(os::Fs& fs, const std::string& path, const std::string& root) {
  auto text = os::read_small(fs, AT_FDCWD, path, kMaxConfig);
  if (!text && text.error().os_code() != ENOENT) return std::move(text).error();
  auto settings = parse(text ? *text : "{}", root);
  if (!settings) return std::move(settings).error().in(path).with("path", path);
  return settings;
}

const HostSettings* Settings::find(std::string_view host) const {
  const auto found = hosts.find(host);
  return found == hosts.end() ? nullptr : &found->second;
}

}  // namespace msb::registry
