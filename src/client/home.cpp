#include "client/home.h"

#include <fcntl.h>

#include <cerrno>
#include <cstdlib>

#include "json/node.h"
#include "json/parse.h"
#include "os/dir.h"
#include "os/file.h"

namespace msb::client {
namespace {

constexpr size_t kMaxConfig = size_t{1} << 20;

std::optional<std::string> environment(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr || *value == '\0') return std::nullopt;
  return value;
}

/// The parsed config.json, null when there is none.
Result<json::Value> read_config(os::Fs& fs, const std::string& path) {
  auto text = os::read_small(fs, AT_FDCWD, path, kMaxConfig);
  if (!text) {
    if (text.error().os_code() == ENOENT) return json::Value();
    return std::move(text).error();
  }
  auto config = json::parse(*text, {.status = Status::invalid_config});
  if (!config) return std::move(config).error().in(path).with("path", path);
  return config;
}

/// A member of an optional group, a string if it is there: `paths.cache`.
Result<std::optional<std::string>> text_at(const json::Node& config, std::string_view group, std::string_view name) {
  std::optional<json::Node> owner = config;
  if (!group.empty()) {
    MSB_TRY(owner, config.optional(group));
  }
  if (!owner) return std::optional<std::string>();
  MSB_TRY(const auto value, owner->optional(name));
  if (!value) return std::optional<std::string>();
  MSB_TRY(const std::string_view text, value->string());
  return std::optional<std::string>(text);
}

/// What of the configuration concerns the library.
struct Settings {
  std::optional<std::string> home;
  std::optional<std::string> cache;
  std::optional<std::string> snapshots;
  std::optional<std::string> sandboxes;
  std::optional<std::chrono::milliseconds> busy_timeout;
};

Result<Settings> read_settings(const json::Value& config) {
  Settings settings;
  if (config.is_null()) return settings;
  const json::Node root(config, Status::invalid_config);
  MSB_TRY(settings.home, text_at(root, "", "home"));
  MSB_TRY(settings.cache, text_at(root, "paths", "cache"));
  MSB_TRY(settings.snapshots, text_at(root, "paths", "snapshots"));
  MSB_TRY(settings.sandboxes, text_at(root, "paths", "sandboxes"));
  MSB_TRY(const auto database, root.optional("database"));
  if (database) {
    MSB_TRY(const auto seconds, database->optional("busy_timeout_secs"));
    if (seconds) {
      constexpr uint64_t kDay = 86400;
      MSB_TRY(const uint64_t value, seconds->u64(kDay));
      settings.busy_timeout = std::chrono::seconds(value);
    }
  }
  return settings;
}

/// "~" stands for a directory that has to be known: it never becomes one below the working directory.
Result<std::string> expand(const std::string& path) {
  std::string expanded = os::expand_home(path);
  if (expanded != "~" && !expanded.starts_with("~/")) return expanded;
  return Error(Status::invalid_config,
               "the home directory of this user is not known: HOME is not set, and the password file has no entry; set "
               "HOME or MSB_HOME, or name the home");
}

Result<std::string> choose(const std::optional<std::string>& option, const std::optional<std::string>& configured,
                           const std::string& fallback) {
  if (option) {
    MSB_TRY(const std::string path, expand(*option));
    return os::absolute_path(path);
  }
  // microsandbox takes what its config says as it is: no "~", relative to the working directory.
  return os::absolute_path(configured.value_or(fallback));
}

}  // namespace

Result<Home> locate_home(os::Fs& fs, const HomeOptions& options) {
  std::string root;
  std::string config_path;
  if (options.root) {
    MSB_TRY(root, expand(*options.root));
    config_path = os::join_path(root, "config.json");
  } else {
    root = environment("MSB_HOME").value_or("");
    if (root.empty()) {
      MSB_TRY(root, expand("~/.microsandbox"));
    }
    config_path = environment("MSB_CONFIG_PATH").value_or(os::join_path(root, "config.json"));
  }
  MSB_TRY(const json::Value config, read_config(fs, config_path));
  auto settings = read_settings(config);
  if (!settings) return std::move(settings).error().in(config_path).with("path", config_path);
  if (!options.root) root = settings->home.value_or(root);

  Home home;
  MSB_TRY(home.root, os::absolute_path(root));
  MSB_TRY(home.cache, choose(options.cache, settings->cache, home.root + "/cache"));
  MSB_TRY(home.snapshots, choose(options.snapshots, settings->snapshots, home.root + "/snapshots"));
  MSB_TRY(home.sandboxes, choose(options.sandboxes, settings->sandboxes, home.root + "/sandboxes"));
  home.database = home.root + "/db";
  MSB_TRY(home.config, os::absolute_path(config_path));
  home.busy_timeout = settings->busy_timeout;
  return home;
}

}  // namespace msb::client
