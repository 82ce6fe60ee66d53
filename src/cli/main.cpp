#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <new>

#include "cli/command.h"
#include "cli/interrupt.h"

namespace msbctl {
namespace {

/// What is wrong with the command line, in one sentence, and who can tell more.
int explain(const CLI::App& app, const CLI::ParseError& problem, Streams& streams) {
  const CLI::App& command = chosen_command(app);
  std::string text = problem.what();
  if (dynamic_cast<const CLI::ExtrasError*>(&problem) != nullptr) {
    const std::string extra = unmarked(app.remaining(true).front());
    const char* what = extra.starts_with('-') ? "unknown option" : "unexpected argument";
    if (!commands_of(command).empty() && !extra.starts_with('-')) what = "unknown command";
    text = std::string(what) + " '" + extra + '\'';
  }
  streams.say_error(text);
  streams.say_hint('\'' + full_name(command) + " --help' shows what it takes");
  return kUsage;
}

bool asks_for_tree(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    if (std::string_view(argv[i]) == "--") return false;
    if (std::string_view(argv[i]) == "--tree") return true;
  }
  return false;
}

/// The command that the first words of a line name, whatever else is missing.
const CLI::App& named_command(const CLI::App& app, int argc, char** argv) {
  const CLI::App* command = &app;
  for (int i = 1; i < argc; ++i) {
    for (const CLI::App* below : commands_of(*command)) {
      if (below->check_name(argv[i])) command = below;
    }
  }
  return *command;
}

int run(Shell& shell) {
  if (shell.chosen) return shell.chosen();
  const CLI::App& command = chosen_command(shell.app);
  if (command.get_parent() == nullptr) {
    shell.session.streams.print(help_of(command));
    return kOk;
  }
  std::string help = help_of(command);
  help.pop_back();
  shell.session.streams.say(help);
  return kUsage;
}

int run_and_report(Shell& shell) {
  Session& session = shell.session;
  try {
    const int code = run(shell);
    session.streams.flush();
    return code;
  } catch (const Failure& failure) {
    const int signal = interrupted_by();
    if (failure.os_code() == EPIPE) return kFailed;  // whoever read the output has left
    session.report(failure);
    return failure.status() == MSB_ERR_CANCELLED && signal != 0 ? 128 + signal : failure.exit_code();
  } catch (const std::bad_alloc&) {
    session.streams.say_error("out of memory");
    return kFailed;
  }
}

int parse_and_run(int argc, char** argv) {
  Session session;
  CLI::App app;
  Shell shell{app, session, {}};
  add_all_commands(shell);
  if (asks_for_tree(argc, argv)) {
    shell.chosen = [&] {
      session.streams.print(tree_of(named_command(app, argc, argv)));
      return kOk;
    };
    return run_and_report(shell);
  }
  try {
    std::vector<std::string> words;  // in the order that CLI11 takes them from
    for (int i = argc - 1; i > 0; --i) words.push_back(marked(argv[i]));
    app.parse(std::move(words));
  } catch (const CLI::CallForHelp&) {
    shell.chosen = [&] {
      session.streams.print(help_of(chosen_command(app)));
      return kOk;
    };
  } catch (const CLI::CallForVersion& version) {
    const std::string line = version.what();
    shell.chosen = [&session, line] {
      session.streams.print(line + '\n');
      return kOk;
    };
  } catch (const CLI::ParseError& problem) {
    return explain(app, problem, session.streams);
  }
  return run_and_report(shell);
}

/// Where standard input, output or error is closed, the next file that is opened would be taken for it. What is put
/// there instead can be used for nothing, so that whoever reads or writes is told.
bool occupy_closed_streams() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(fd, F_GETFD) >= 0) continue;
    int opened = open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
    if (opened < 0) opened = open("/", O_RDONLY | O_DIRECTORY);
    if (opened != fd) return false;
  }
  return true;
}

}  // namespace
}  // namespace msbctl

int main(int argc, char** argv) {
  if (!msbctl::occupy_closed_streams()) return msbctl::kFailed;
  return msbctl::parse_and_run(argc, argv);
}
