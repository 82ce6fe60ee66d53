#include "cli/command.h"

#include <algorithm>

namespace msbctl {
namespace {

constexpr char kMark = '\x01';

}  // namespace

CLI::App* add_command(CLI::App& parent, const std::string& names, const std::string& description) {
  const std::vector<std::string> spellings = CLI::detail::split(names, ',');
  CLI::App* command = parent.add_subcommand(spellings.front(), description);
  for (size_t i = 1; i < spellings.size(); ++i) command->alias(spellings[i]);
  return command;
}

CLI::App* add_group(CLI::App& parent, const std::string& names, const std::string& description) {
  CLI::App* group = add_command(parent, names, description);
  group->require_subcommand(0, 1);  // without the upper bound an argument could be taken for a second command
  return group;
}

void set_action(CLI::App* command, Shell& shell, Action action) {
  command->callback([&shell, action = std::move(action)] { shell.chosen = action; });
}

void restrict_to(CLI::Option* option, const std::vector<std::string>& words) {
  const auto check = [words](const std::string& word) {
    const bool known = std::find(words.begin(), words.end(), word) != words.end();
    return known ? std::string() : '\'' + word + "' is not one of: " + CLI::detail::join(words, ", ");
  };
  option->check(check);
  if (!option->get_positional()) option->type_name(CLI::detail::join(words, "|"));
}

void add_format(CLI::App* command, Session& session) {
  restrict_to(command->add_option("--format", session.settings.format, "Write the result as JSON"), {"json"});
}

void add_quiet(CLI::App* command, Session& session, const std::string& description) {
  command->add_flag("-q,--quiet", session.settings.quiet, description);
}

void add_bytes(CLI::App* command, Session& session) {
  command->add_flag("--bytes", session.settings.bytes, "Print sizes as plain numbers of bytes");
}

CLI::Option* add_repeated(CLI::App* command, const std::string& names, std::vector<std::string>& values,
                          const std::string& value_name, const std::string& description) {
  return command->add_option(names, values, description)->type_name(value_name)->allow_extra_args(false);
}

namespace {

/// Makes the option a number with a unit; `kind` says what was expected when it is none.
CLI::Option* with_unit(CLI::Option* option, const CLI::Validator& reader, const std::string& kind) {
  return option->transform([reader, kind](const std::string& text) {
    std::string number = text;
    std::string problem;
    try {
      problem = reader(number);
    } catch (const CLI::ValidationError&) {
      problem = "no number with a unit";
    }
    if (!problem.empty()) throw CLI::ValidationError('\'' + text + "' is not " + kind);
    return number;
  });
}

}  // namespace

CLI::Option* add_size(CLI::App* command, const std::string& names, uint64_t& value, const std::string& description) {
  CLI::Option* option = command->add_option(names, value, description);
  return with_unit(option, CLI::AsSizeValue(false), "a size such as 512MiB or 4G")->type_name("SIZE");
}

CLI::Option* add_time(CLI::App* command, const std::string& names, uint64_t& value, const std::string& description,
                      CLI::AsNumberWithUnit::Options unit) {
  const std::map<std::string, uint64_t> units{{"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}, {"w", 604800}};
  const CLI::AsNumberWithUnit reader(units, unit);
  CLI::Option* option = command->add_option(names, value, description);
  return with_unit(option, reader, "a time such as 12h or 30d")->type_name("TIME");
}

Labels::Labels(std::vector<std::string> texts, bool bare) : texts_(std::move(texts)) {
  for (std::string& text : texts_) {
    const size_t sign = text.find('=');
    if (sign == 0 || (sign == std::string::npos && !bare)) {
      throw Failure(MSB_ERR_INVALID_ARGUMENT, "invalid --label '" + text + "': expected K=V");
    }
    const char* value = nullptr;
    if (sign != std::string::npos) {
      text[sign] = '\0';
      value = text.c_str() + sign + 1;
    }
    pairs_.push_back({text.c_str(), value});
  }
}

int for_each(Session& session, const std::vector<std::string>& arguments, const char* done_key, const char* verb,
             const std::string& summary, const std::function<void(const std::string&)>& each) {
  Json done = Json::array();
  Json failed = Json::array();
  bool any_failed = false;
  const bool silent = session.json() || (session.settings.quiet && summary.empty());
  for (const std::string& argument : arguments) {
    try {
      each(argument);
      done.append(argument);
      session.tick(true, verb, argument);
    } catch (const Failure& failure) {
      if (failure.status() == MSB_ERR_CANCELLED) throw;
      any_failed = true;
      Json problem = failure_json(failure);
      problem.set("subject", argument);
      failed.append(problem);
      session.tick(false, verb, argument);
      if (!silent) session.report(failure);
    }
  }
  if (session.json()) {
    session.print(Json::object({{done_key, done}, {"failed", failed}}));
  } else if (any_failed && !summary.empty()) {
    session.streams.say_error(summary);
  }
  return any_failed ? kFailed : kOk;
}

std::string marked(std::string word) {
  if (word.starts_with('[')) word += kMark;
  return word;
}

std::string unmarked(std::string word) {
  if (word.starts_with('[') && word.ends_with(kMark)) word.pop_back();
  return word;
}

namespace {

/// Undoes what marked() did to the words of a line.
void unmark_words(CLI::App& command) {
  for (CLI::Option* option :
       command.get_options([](const CLI::Option* each) { return each->get_items_expected() > 0; })) {
    option->transform([](std::string word) { return unmarked(std::move(word)); });
  }
  for (CLI::App* below : command.get_subcommands({})) unmark_words(*below);
}

}  // namespace

void add_all_commands(Shell& shell) {
  CLI::App& app = shell.app;
  Settings& settings = shell.session.settings;
  app.name("msbctl");
  app.description("Disk snapshots and the image cache of microsandbox");
  app.require_subcommand(0, 1);
  app.fallthrough();  // the options below may stand after a command too
  app.formatter_fn([](const CLI::App* command, const std::string&, CLI::AppFormatMode) { return help_of(*command); });
  app.set_help_flag("-h,--help", "Print this help");
  app.set_version_flag("-V,--version", std::string("msbctl ") + msb_version(), "Print the version");
  app.add_option("--home", settings.home, "Directory of all state; $MSB_HOME, or ~/.microsandbox")->type_name("DIR");
  app.add_flag("--tree")->description("Print the commands below this one as a tree");

  std::vector<CLI::Option*> levels;
  const auto add_level = [&](const char* name, uint32_t level, const char* description) {
    CLI::Option* option = app.add_flag_callback(
        name, [&settings, level] { settings.log_level = level; }, description);
    for (CLI::Option* other : levels) option->excludes(other);
    levels.push_back(option);
  };
  add_level("--error", MSB_LOG_ERROR, "Log errors");
  add_level("--warn", MSB_LOG_WARN, "Log warnings too");
  add_level("--info", MSB_LOG_INFO, "Log what is done too");
  add_level("--debug", MSB_LOG_DEBUG, "Log everything");
  add_level("--trace", MSB_LOG_DEBUG, "The same as --debug");

  add_image_commands(shell);
  add_snapshot_commands(shell);
  add_sandbox_commands(shell);
  add_machine_commands(shell);
  add_home_commands(shell);
  add_completion_command(shell);
  add_help_command(shell);
  add_manual_command(shell);
  unmark_words(app);
}

}  // namespace msbctl
