#include <algorithm>

#include "cli/command.h"
#include "cli/text.h"

namespace msbctl {

const CLI::App& chosen_command(const CLI::App& root) {
  const std::vector<CLI::App*> parsed = root.get_subcommands();
  return parsed.empty() ? root : chosen_command(*parsed.back());
}

const CLI::App& root_of(const CLI::App& command) {
  const CLI::App* at = &command;
  while (at->get_parent() != nullptr) at = at->get_parent();
  return *at;
}

std::string full_name(const CLI::App& command) {
  if (command.get_parent() == nullptr) return command.get_name();
  return full_name(*command.get_parent()) + ' ' + command.get_name();
}

std::vector<const CLI::App*> commands_of(const CLI::App& command) {
  return command.get_subcommands([](const CLI::App* sub) { return !sub->get_group().empty(); });
}

std::vector<const CLI::Option*> options_of(const CLI::App& command) {
  return command.get_options(
      [](const CLI::Option* option) { return !option->get_positional() && !option->get_group().empty(); });
}

std::vector<const CLI::Option*> arguments_of(const CLI::App& command) {
  return command.get_options([](const CLI::Option* option) { return option->get_positional(); });
}

std::string value_name_of(const CLI::Option& option) {
  if (option.get_positional()) return option.get_name(true);
  // CLI11 appends what validators say of themselves.
  const std::string full = option.get_type_name();
  return full.substr(0, full.find(':'));
}

std::string spelling_of(const CLI::Option& option) {
  if (option.get_positional()) return value_name_of(option);
  std::string text;
  for (const std::string& name : option.get_snames()) text += (text.empty() ? "-" : ", -") + name;
  for (const std::string& name : option.get_lnames()) text += (text.empty() ? "--" : ", --") + name;
  if (option.get_expected_max() > 0) text += ' ' + value_name_of(option);
  return text;
}

std::vector<std::string> choices_of(const CLI::Option& option) {
  const std::string name = value_name_of(option);
  const bool words = !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '|' || c == '-';
  });
  return words && option.get_expected_max() > 0 ? CLI::detail::split(name, '|') : std::vector<std::string>();
}

std::string usage_of(const CLI::App& command) {
  std::string text = full_name(command);
  if (!commands_of(command).empty()) return text + " COMMAND";
  if (options_of(command).size() > 1) text += " [OPTIONS]";  // every command has --help
  for (const CLI::Option* option : options_of(command)) {
    if (option->get_required()) text += ' ' + spelling_of(*option);
  }
  for (const CLI::Option* argument : arguments_of(command)) {
    std::string name = value_name_of(*argument);
    if (argument->get_expected_max() > 1) name += "...";
    text += argument->get_required() ? ' ' + name : " [" + name + ']';
  }
  return text;
}

namespace {

void draw_below(const CLI::App& command, const std::string& margin, std::string& text) {
  const auto below = commands_of(command);
  for (const CLI::App* sub : below) {
    const bool last = sub == below.back();
    const std::string begin = margin + (last ? "└── " : "├── ") + sub->get_name();
    text +=
        begin + std::string(columns_of(begin) < 24 ? 24 - columns_of(begin) : 1, ' ') + sub->get_description() + '\n';
    draw_below(*sub, margin + (last ? "    " : "│   "), text);
  }
}

}  // namespace

std::string tree_of(const CLI::App& command) {
  std::string text = full_name(command) + '\n';
  draw_below(command, {}, text);
  return text;
}

}  // namespace msbctl
