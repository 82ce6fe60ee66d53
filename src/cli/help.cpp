#include <memory>

#include "cli/command.h"
#include "cli/text.h"

namespace msbctl {
namespace {

constexpr size_t kWidth = 80;
constexpr size_t kMost = 26;  // of the first column; a longer entry puts its text on the next line

using Entry = std::pair<std::string, std::string>;

std::string listing(const std::string& title, const std::vector<Entry>& entries) {
  if (entries.empty()) return {};
  size_t column = 0;
  for (const auto& [left, right] : entries) {
    if (left.size() <= kMost) column = std::max(column, left.size());
  }
  const size_t indent = column + 4;
  std::string text = '\n' + title + ":\n";
  for (const auto& [left, right] : entries) {
    text += "  ";
    text += left;
    text += left.size() <= column ? std::string(indent - 2 - left.size(), ' ') : '\n' + std::string(indent, ' ');
    text += wrap(right, kWidth - indent, indent);
    text += '\n';
  }
  return text;
}

std::vector<Entry> entries_of(const std::vector<const CLI::Option*>& options) {
  std::vector<Entry> entries;
  for (const CLI::Option* option : options) {
    const std::string spelling = spelling_of(*option);
    // Long names line up whether or not there is a short one.
    entries.emplace_back((spelling.starts_with("--") ? "    " : "") + spelling, option->get_description());
  }
  return entries;
}

std::vector<Entry> entries_of(const std::vector<const CLI::App*>& commands) {
  std::vector<Entry> entries;
  for (const CLI::App* command : commands) {
    std::string names = command->get_name();
    for (const std::string& alias : command->get_aliases()) names += ", " + alias;
    const std::string& text = command->get_description();
    entries.emplace_back(names, text.substr(0, text.find('\n')));
  }
  return entries;
}

/// The command that words name, `image load`; throws for words that name none.
const CLI::App& command_named(const CLI::App& root, const std::vector<std::string>& words) {
  const CLI::App* command = &root;
  for (const std::string& word : words) {
    const auto below = command->get_subcommands([&](const CLI::App* sub) { return sub->check_name(word); });
    if (below.empty()) {
      throw Failure(MSB_ERR_INVALID_ARGUMENT, full_name(*command) + " has no command '" + word + '\'',
                    '\'' + full_name(*command) + " --help' lists its commands");
    }
    command = below.front();
  }
  return *command;
}

}  // namespace

std::string help_of(const CLI::App& command) {
  std::string text = wrap(command.get_description(), kWidth, 0) + "\n\nUsage: " + usage_of(command) + '\n';
  text += listing("Commands", entries_of(commands_of(command)));
  text += listing("Arguments", entries_of(arguments_of(command)));
  text += listing("Options", entries_of(options_of(command)));
  if (!command.get_footer().empty()) text += '\n' + wrap(command.get_footer(), kWidth, 0) + '\n';
  if (command.get_parent() != nullptr) text += "\nOptions of every command: see 'msbctl --help'.\n";
  return text;
}

void add_help_command(Shell& shell) {
  auto words = std::make_shared<std::vector<std::string>>();
  CLI::App* command = add_command(shell.app, "help", "Print the help of a command");
  command->add_option("COMMAND", *words, "Words of the command, such as image load");
  set_action(command, shell, [&shell, words] {
    shell.session.streams.print(help_of(command_named(shell.app, *words)));
    return kOk;
  });
}

}  // namespace msbctl
