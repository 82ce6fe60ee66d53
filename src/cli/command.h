#pragma once

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "cli/session.h"

// The one table of commands is the CLI::App: parsing, help, man pages and completion are views of it.
namespace msbctl {

/// What the chosen command does; returns the exit code. Set by the parser, run after all of the line was understood.
using Action = std::function<int()>;

constexpr int kOk = 0;
constexpr int kFailed = 1;
constexpr int kUsage = 2;

/// What commands are declared with.
struct Shell {
  CLI::App& app;
  Session& session;
  Action chosen;
};

/// A command under `parent`; `name` may be followed by its aliases: "list,ls".
CLI::App* add_command(CLI::App& parent, const std::string& names, const std::string& description);
/// A command that only holds others.
CLI::App* add_group(CLI::App& parent, const std::string& names, const std::string& description);
/// What `command` does when it is chosen.
void set_action(CLI::App* command, Shell& shell, Action action);

/// Lets an option accept these words only; help shows them in place of a value.
void restrict_to(CLI::Option* option, const std::vector<std::string>& words);
void add_format(CLI::App* command, Session& session);
void add_quiet(CLI::App* command, Session& session, const std::string& description);
void add_bytes(CLI::App* command, Session& session);
/// An option that can be given several times, with one value each time.
CLI::Option* add_repeated(CLI::App* command, const std::string& names, std::vector<std::string>& values,
                          const std::string& value_name, const std::string& description);
/// A size such as `512MiB` or `4G`, in powers of 1024.
CLI::Option* add_size(CLI::App* command, const std::string& names, uint64_t& value, const std::string& description);
/// A length of time such as `12h` or `30d`, in seconds.
CLI::Option* add_time(CLI::App* command, const std::string& names, uint64_t& value, const std::string& description,
                      CLI::AsNumberWithUnit::Options unit = CLI::AsNumberWithUnit::UNIT_REQUIRED);

/// `K=V` texts as pairs; borrowed from the texts, which are cut at the sign. With `bare`, `K` alone stands for any
/// value.
class Labels {
 public:
  Labels(std::vector<std::string> texts, bool bare);
  const msb_kv* data() const { return pairs_.empty() ? nullptr : pairs_.data(); }
  size_t count() const { return pairs_.size(); }

 private:
  std::vector<std::string> texts_;
  std::vector<msb_kv> pairs_;
};

/// NULL for an empty text.
inline const char* or_null(const std::string& text) { return text.empty() ? nullptr : text.c_str(); }
/// Empty for NULL.
inline std::string or_empty(const char* text) { return text == nullptr ? std::string() : std::string(text); }

/// Runs `each` for every argument. One that fails does not stop the others; then `summary` is the last error. Without
/// one, --quiet hides all errors. JSON output lists what was done under `done_key`, and the failures.
int for_each(Session& session, const std::vector<std::string>& arguments, const char* done_key, const char* verb,
             const std::string& summary, const std::function<void(const std::string&)>& each);

void add_image_commands(Shell& shell);
void add_prune_commands(CLI::App& images, Shell& shell);
void add_image_df(CLI::App& images, Shell& shell);
void add_snapshot_commands(Shell& shell);
void add_sandbox_commands(Shell& shell);
void add_machine_commands(Shell& shell);
void add_home_commands(Shell& shell);
void add_completion_command(Shell& shell);
void add_help_command(Shell& shell);
void add_manual_command(Shell& shell);
/// Declares everything. The words of a line have to be marked() for it.
void add_all_commands(Shell& shell);

/// `[a,b]` is one word of the user, of which CLI11 would make two arguments: so it gets a last character that has no
/// meaning, which every option and argument takes away again.
std::string marked(std::string word);
std::string unmarked(std::string word);

// --- looking at the table ---

/// The command that the line chose, as far as it was understood.
const CLI::App& chosen_command(const CLI::App& root);
const CLI::App& root_of(const CLI::App& command);
/// `msbctl image load`.
std::string full_name(const CLI::App& command);
std::string usage_of(const CLI::App& command);
std::vector<const CLI::App*> commands_of(const CLI::App& command);
std::vector<const CLI::Option*> options_of(const CLI::App& command);
std::vector<const CLI::Option*> arguments_of(const CLI::App& command);
/// What help calls the value of an option, or an argument: `PATH`.
std::string value_name_of(const CLI::Option& option);
/// `-f, --force`, `--label K=V`; for an argument its name.
std::string spelling_of(const CLI::Option& option);
/// The words that an option accepts, when it accepts only some.
std::vector<std::string> choices_of(const CLI::Option& option);
/// One line for each command below, drawn as a tree.
std::string tree_of(const CLI::App& command);

/// The help text of a command, 80 columns at most.
std::string help_of(const CLI::App& command);

}  // namespace msbctl
