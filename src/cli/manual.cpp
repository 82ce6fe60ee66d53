#include <fstream>
#include <memory>

#include "cli/command.h"

// Man pages: one for the program and one for each of its commands, those that hold others with all of them.
namespace msbctl {
namespace {

/// Text as roff reads it: nothing in it is a request, an escape or a typographic hyphen.
std::string roff(std::string_view text) {
  std::string result;
  bool line_begins = true;
  for (const char c : text) {
    if (line_begins && (c == '.' || c == '\'')) result += "\\&";
    if (c == '\\') {
      result += "\\e";
    } else if (c == '-') {
      result += "\\-";
    } else {
      result += c;
    }
    line_begins = c == '\n';
  }
  return result;
}

std::string dashed_name(const CLI::App& command) {
  std::string name = full_name(command);
  for (char& c : name) c = c == ' ' ? '-' : c;
  return name;
}

std::string title(const CLI::App& command) {
  std::string name = dashed_name(command);
  std::string upper = name;
  for (char& c : upper) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return ".TH " + roff(upper) + " 1 \"\" \"msbctl " + msb_version() + "\" \"microsandbox\"\n.SH NAME\n" + roff(name) +
         " \\- " + roff(command.get_description()) + '\n';
}

std::string synopsis(const CLI::App& command) { return ".B " + roff(usage_of(command)) + '\n'; }

std::string tagged(const std::vector<const CLI::Option*>& options) {
  std::string text;
  for (const CLI::Option* option : options) {
    text += ".TP\n.B " + roff(spelling_of(*option)) + '\n' + roff(option->get_description()) + ".\n";
  }
  return text;
}

/// The footer, with its indented lines as they stand.
std::string notes(const CLI::App& command) {
  std::string text;
  bool literal = false;
  for (const std::string& line : CLI::detail::split(command.get_footer(), '\n')) {
    const bool example = line.starts_with("  ");
    if (example != literal) text += example ? ".PP\n.nf\n" : ".fi\n";
    literal = example;
    if (line.empty()) {
      text += ".PP\n";
    } else {
      text += roff(line) + '\n';
    }
  }
  return text + (literal ? ".fi\n" : "");
}

std::string body(const CLI::App& command) {
  std::string text = tagged(arguments_of(command)) + tagged(options_of(command));
  if (!command.get_footer().empty()) text += ".PP\n" + notes(command);
  return text;
}

std::string page_of_program(const CLI::App& root) {
  std::string text = title(root) + ".SH SYNOPSIS\n" + synopsis(root) + ".SH COMMANDS\n";
  for (const CLI::App* command : commands_of(root)) {
    text += ".TP\n.BR " + roff(dashed_name(*command)) + " (1)\n" + roff(command->get_description()) + ".\n";
  }
  text += ".SH OPTIONS\nThey may stand before or after the command.\n" + tagged(options_of(root));
  text += R"(.SH OUTPUT
Results go to standard output, everything else to standard error. With
.B \-\-format json
the result is one JSON document; its members are never renamed or removed. A failure is then a JSON document on standard
error, whose
.B kind
tells programs what happened.
.SH "EXIT STATUS"
.TP
.B 0
Success.
.TP
.B 1
The command failed.
.TP
.B 2
The command line is not understood.
.TP
.B 130
Interrupted: the first Ctrl\-C lets the command undo what it began, the second ends it at once.
.SH ENVIRONMENT
.TP
.B MSB_HOME
Directory of all state; ~/.microsandbox unless set.
.TP
.B NO_COLOR
When set and not empty, nothing is coloured.
.SH FILES
.TP
.I ~/.microsandbox/config.json
Settings that microsandbox and this program share.
.SH "SEE ALSO"
)";
  const auto commands = commands_of(root);
  for (const CLI::App* command : commands) {
    text += ".BR " + roff(dashed_name(*command)) + " (1)" + (command == commands.back() ? "\n" : ",\n");
  }
  return text;
}

std::string page_of_command(const CLI::App& command) {
  const auto below = commands_of(command);
  std::string text = title(command) + ".SH SYNOPSIS\n";
  if (below.empty())
    return text + synopsis(command) + ".SH OPTIONS\n" + body(command) + ".SH \"SEE ALSO\"\n.BR msbctl (1)\n";
  for (const CLI::App* sub : below) text += synopsis(*sub) + (sub == below.back() ? "" : ".br\n");
  text += ".SH COMMANDS\n";
  for (const CLI::App* sub : below) {
    std::string names = sub->get_name();
    for (const std::string& alias : sub->get_aliases()) names += ", " + alias;
    text += ".SS " + roff(names) + '\n' + roff(sub->get_description()) + ".\n" + body(*sub);
  }
  return text + ".SH \"SEE ALSO\"\n.BR msbctl (1)\n";
}

void write_page(const std::string& directory, const CLI::App& command, const std::string& text) {
  const std::string path = directory + '/' + dashed_name(command) + ".1";
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  if (!file) throw Failure(MSB_ERR_IO, "io error: cannot write " + path);
}

}  // namespace

void add_manual_command(Shell& shell) {
  auto directory = std::make_shared<std::string>();
  CLI::App* command = add_command(shell.app, "__manual", "Write the man pages into a directory");
  command->group("");
  command->add_option("DIR", *directory)->required();
  set_action(command, shell, [&shell, directory] {
    const CLI::App& root = shell.app;
    write_page(*directory, root, page_of_program(root));
    for (const CLI::App* each : commands_of(root)) write_page(*directory, *each, page_of_command(*each));
    return kOk;
  });
}

}  // namespace msbctl
