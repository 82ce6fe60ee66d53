#include "runtime/boot_config.h"

#include <array>
#include <charconv>
#include <csignal>
#include <utility>

#include "base/number.h"
#include "json/parse.h"
#include "json/value.h"

namespace msb::runtime {
namespace {

/// Releases have put the members at the top, or into groups (formats/snapshots.md §5.5).
const json::Value* member(const json::Value& document, std::string_view group, std::string_view name) {
  const json::Value* inner = document.find(group);
  const json::Value* found = inner != nullptr ? inner->find(name) : nullptr;
  return found != nullptr ? found : document.find(name);
}

std::optional<std::string> text_of(const json::Value* value) {
  if (value == nullptr || value->string() == nullptr) return std::nullopt;
  return *value->string();
}

std::optional<uint64_t> number_of(const json::Value* value) { return value != nullptr ? value->u64() : std::nullopt; }

std::optional<std::vector<std::string>> texts_of(const json::Value* value) {
  if (value == nullptr || value->array() == nullptr) return std::nullopt;
  std::vector<std::string> texts;
  for (const json::Value& one : *value->array()) {
    if (one.string() != nullptr) texts.push_back(*one.string());
  }
  return texts;
}

/// A variable is `K=V`, a pair, or an object.
std::optional<std::string> variable_of(const json::Value& value) {
  if (value.string() != nullptr) return *value.string();
  if (const json::Array* pair = value.array(); pair != nullptr && pair->size() == 2) {
    const auto key = text_of(&pair->front());
    const auto content = text_of(&pair->back());
    return key && content ? std::optional(*key + '=' + *content) : std::nullopt;
  }
  const auto key = text_of(value.find("key"));
  const auto content = text_of(value.find("value"));
  return key && content ? std::optional(*key + '=' + *content) : std::nullopt;
}

}  // namespace

BootConfig read_boot_config(std::string_view stored, const std::optional<index::ConfigRecord>& image) {
  BootConfig config;
  const auto document = json::parse(stored);
  if (document && document->object() != nullptr) {
    config.entrypoint = texts_of(member(*document, "runtime", "entrypoint"));
    config.command = texts_of(member(*document, "runtime", "cmd"));
    config.directory = text_of(member(*document, "runtime", "workdir"));
    config.user = text_of(member(*document, "runtime", "user"));
    config.hostname = text_of(member(*document, "runtime", "hostname"));
    config.memory_mib = number_of(member(*document, "resources", "memory_mib"));
    config.cpus = number_of(member(*document, "resources", "cpus"));
    const json::Value* variables = document->find("env");
    if (variables != nullptr && variables->array() != nullptr) {
      for (const json::Value& one : *variables->array()) {
        if (auto variable = variable_of(one)) config.environment.push_back(std::move(*variable));
      }
    }
  }
  if (!image) return config;
  if (!config.entrypoint && !config.command) {
    config.entrypoint = image->entrypoint;
    config.command = image->cmd;
  }
  if (!config.directory) config.directory = image->working_dir;
  if (!config.user) config.user = image->user;
  config.stop_signal = image->stop_signal;
  // The image's first: of two with one name the later one counts.
  config.environment.insert(config.environment.begin(), image->env.begin(), image->env.end());
  return config;
}

int signal_number(const std::optional<std::string>& text) {
  static constexpr auto kNames = std::to_array<std::pair<std::string_view, int>>({{"HUP", SIGHUP},
                                                                                  {"INT", SIGINT},
                                                                                  {"QUIT", SIGQUIT},
                                                                                  {"KILL", SIGKILL},
                                                                                  {"USR1", SIGUSR1},
                                                                                  {"USR2", SIGUSR2},
                                                                                  {"TERM", SIGTERM},
                                                                                  {"WINCH", SIGWINCH},
                                                                                  {"PWR", SIGPWR}});
  if (!text) return SIGTERM;
  std::string_view name = *text;
  if (const auto number = parse_number<int>(name); number && *number > 0 && *number <= 64) return *number;
  if (name.starts_with("SIG")) name.remove_prefix(3);
  if (name.starts_with("RTMIN+")) {
    int number = 0;
    std::from_chars(name.data() + 6, name.data() + name.size(), number);
    return number >= 0 && number <= 30 ? 34 + number : SIGTERM;
  }
  for (const auto& [known, value] : kNames) {
    if (known == name) return value;
  }
  return SIGTERM;
}

}  // namespace msb::runtime
