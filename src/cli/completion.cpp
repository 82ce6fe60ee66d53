#include <algorithm>
#include <memory>

#include "cli/snapshot.h"
#include "cli/text.h"

namespace msbctl {
namespace {

/// What can follow an option or stand for an argument.
struct Values {
  enum Kind { kNone, kWords, kFiles, kDirectories, kNames } kind = kNone;
  std::string words;  // the words, or what `msbctl __names` is asked for
};

Values values_of(const CLI::Option& option) {
  const std::vector<std::string> choices = choices_of(option);
  if (!choices.empty()) return {Values::kWords, CLI::detail::join(choices, " ")};
  const std::string name = value_name_of(option);
  if (name == "SHELL") return {Values::kWords, "bash zsh fish"};
  if (name == "PATH" || name == "ARCHIVE" || name == "OUT") return {Values::kFiles, {}};
  if (name == "DIR" || name == "DEST") return {Values::kDirectories, {}};
  if (name.starts_with("REF")) return {Values::kNames, "images"};
  if (name.starts_with("SNAPSHOT")) return {Values::kNames, "snapshots"};
  if (name.starts_with("SANDBOX")) return {Values::kNames, "sandboxes"};
  return {};
}

void collect(const CLI::App& command, std::vector<const CLI::App*>& all) {
  all.push_back(&command);
  for (const CLI::App* sub : commands_of(command)) collect(*sub, all);
}

std::vector<const CLI::App*> all_commands(const CLI::App& root) {
  std::vector<const CLI::App*> all;
  collect(root, all);
  return all;
}

std::vector<std::string> dashed(const CLI::Option& option) {
  std::vector<std::string> names;
  for (const std::string& name : option.get_snames()) names.push_back('-' + name);
  for (const std::string& name : option.get_lnames()) names.push_back("--" + name);
  return names;
}

std::vector<const CLI::Option*> options_with_values(const CLI::App& command) {
  std::vector<const CLI::Option*> options = options_of(command);
  std::erase_if(options, [](const CLI::Option* option) { return option->get_expected_max() == 0; });
  return options;
}

std::string in_quotes(std::string_view text) {
  std::string result = "'";
  for (const char c : text) {
    if (c == '\'') result += "'\\''";
    if (c != '\'') result += c;
  }
  return result + '\'';
}

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

/// `case` arms, the same in bash and zsh, that follow the words of a line to the command they name, which
/// a variable holds.
std::string path_arms(const CLI::App& root, const std::string& variable, const std::string& indent) {
  std::string text;
  for (const CLI::App* command : all_commands(root)) {
    if (command->get_parent() == nullptr) continue;
    std::string patterns = in_quotes(full_name(*command));
    for (const std::string& alias : command->get_aliases()) {
      patterns += " | " + in_quotes(full_name(*command->get_parent()) + ' ' + alias);
    }
    text += indent + patterns + ") " + variable + '=' + in_quotes(full_name(*command)) + " ;;\n";
  }
  return text;
}

/// `case` arms, the same in bash and zsh, that reply with the values of the option that stands before the cursor.
std::string value_arms(const CLI::App& root, std::string (*reply)(const Values&)) {
  std::string text;
  for (const CLI::App* command : all_commands(root)) {
    for (const CLI::Option* option : options_with_values(*command)) {
      std::string patterns;
      for (const std::string& name : dashed(*option)) {
        if (!patterns.empty()) patterns += " | ";
        // The options of the program itself may stand after every command.
        patterns += command->get_parent() == nullptr ? "*" + in_quotes(' ' + name)
                                                     : in_quotes(full_name(*command) + ' ' + name);
      }
      text += "    " + patterns + ") " + reply(values_of(*option)) + "; return ;;\n";
    }
  }
  return text;
}

// --- bash ---

std::string bash_reply(const Values& values) {
  switch (values.kind) {
    case Values::kWords:
      return "_msbctl_words " + in_quotes(values.words);
    case Values::kFiles:
      return "_msbctl_files";
    case Values::kDirectories:
      return "_msbctl_files /";
    case Values::kNames:
      return "_msbctl_names " + values.words;
    case Values::kNone:
      break;
  }
  return ":";
}

std::string bash_script(const CLI::App& root) {
  std::string text = R"(# bash completion for msbctl
# Words of this script, and of nothing else: compgen -W expands what it is given.
_msbctl_words() { mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur"); }

# Sets plain to what the shell will take a word for, and quote to the quote that is still open. Nothing is expanded.
_msbctl_plain() {
  local rest=$1 char
  plain='' quote=''
  while [[ -n $rest ]]; do
    char=${rest:0:1} rest=${rest:1}
    if [[ $char == "$quote" ]]; then
      quote=''
    elif [[ -z $quote && $char == [\'\"] ]]; then
      quote=$char
    elif [[ $char == \\ && $quote != \' && ($quote != \" || $rest == [\$\`\"\\]*) ]]; then
      plain+=${rest:0:1} rest=${rest:1}
    else
      plain+=$char
    fi
  done
}

# Names of a home, spelled so that the shell takes each for one word and expands nothing of it.
_msbctl_names() {
  local name plain quote
  _msbctl_plain "$cur"
  [[ -z $quote || $cur == "$quote"* ]] || return
  while IFS= read -r name; do
    [[ $name == "$plain"* ]] || continue
    case $quote in  # readline closes the quote, unless the last character is one
      \') name=${name//\'/\'\\\'\'} ;;
      \") name=${name//\\/\\\\} name=${name//\"/\\\"} name=${name//\$/\\\$} name=${name//\`/\\\`} name=${name//\!/\"\'!\'\"} ;;
      *) printf -v name %q "$name" ;;
    esac
    [[ -z $quote || $name != *"$quote" ]] || name+=$quote
    COMPREPLY+=("$name")
  done < <("$program" ${home:+--home "$home"} __names "$1" 2>/dev/null)
}

# Files, or with / directories only. Readline quotes what bears a file's name.
_msbctl_files() {
  local plain quote tilde=''
  compopt -o filenames 2>/dev/null
  _msbctl_plain "$cur"
  if [[ $cur == \~/* ]]; then tilde=$HOME plain=$HOME${plain#\~}; fi
  mapfile -d '' -t COMPREPLY < <(shopt -s nullglob dotglob; files=("$plain"*$1); ((${#files})) && printf '%s\0' "${files[@]%/}")
  if [[ -n $tilde ]]; then COMPREPLY=("${COMPREPLY[@]/#"$tilde"/\~}"); fi
}

_msbctl() {
  local path=msbctl program home='' before='' word cur prev words cword plain quote
  COMPREPLY=()
  # References hold colons, at which bash breaks words; bash-completion puts them together again.
  if declare -F _get_comp_words_by_ref >/dev/null; then
    _get_comp_words_by_ref -n := cur prev words cword
  else
    cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} words=("${COMP_WORDS[@]}") cword=$COMP_CWORD
  fi
  _msbctl_plain "${words[0]/#\~\//$HOME/}"; program=$plain
  for word in "${words[@]:1:cword-1}"; do
    if [[ $before == --home ]]; then _msbctl_plain "${word/#\~\//$HOME/}"; home=$plain; fi
    if [[ $word == --home=* ]]; then _msbctl_plain "${word#*=}"; home=$plain; fi
    before=$word
    case "$path $word" in
)" + path_arms(root, "path", "      ") +
                     R"(    esac
  done
  case "$path $prev" in
)";
  text += value_arms(root, bash_reply);
  text += "  esac\n  case $path in\n";
  std::string globals;
  for (const CLI::Option* option : options_of(root)) {
    for (const std::string& name : dashed(*option)) globals += (globals.empty() ? "" : " ") + name;
  }
  for (const CLI::App* command : all_commands(root)) {
    std::string words;
    for (const CLI::App* sub : commands_of(*command)) words += (words.empty() ? "" : " ") + sub->get_name();
    std::string options;
    if (command->get_parent() != nullptr) {
      for (const CLI::Option* option : options_of(*command)) {
        for (const std::string& name : dashed(*option)) options += (options.empty() ? "" : " ") + name;
      }
    }
    const auto arguments = arguments_of(*command);
    const Values values = !words.empty()      ? Values{Values::kWords, words}
                          : arguments.empty() ? Values{}
                                              : values_of(*arguments.back());
    if (!options.empty()) options += ' ';
    options += globals;
    text += "    " + in_quotes(full_name(*command)) + ")\n      if [[ $cur == -* ]]; then _msbctl_words " +
            in_quotes(options) + "; else " + bash_reply(values) + "; fi ;;\n";
  }
  text += R"(  esac
  if declare -F __ltrim_colon_completions >/dev/null; then __ltrim_colon_completions "$cur"; fi
}
complete -F _msbctl msbctl
)";
  return text;
}

// --- zsh ---

std::string zsh_reply(const Values& values) {
  switch (values.kind) {
    case Values::kWords:
      return "compadd -- " + values.words;
    case Values::kFiles:
      return "_files";
    case Values::kDirectories:
      return "_files -/";
    case Values::kNames:
      return "compadd -- ${(f)\"$($program ${home:+--home} $home __names " + values.words + " 2>/dev/null)\"}";
    case Values::kNone:
      break;
  }
  return ":";
}

std::string zsh_entries(const std::vector<std::pair<std::string, std::string>>& entries) {
  std::string text;
  for (const auto& [word, description] : entries) text += ' ' + in_quotes(word + ':' + first_line(description));
  return text;
}

std::string zsh_options(const CLI::App& command) {
  std::vector<std::pair<std::string, std::string>> entries;
  for (const CLI::Option* option : options_of(command)) {
    for (const std::string& name : dashed(*option)) entries.emplace_back(name, option->get_description());
  }
  return zsh_entries(entries);
}

std::string zsh_script(const CLI::App& root) {
  std::string text = R"(#compdef msbctl
_msbctl() {
  # Not `path`, which is the search path here. What is typed is read as the shell reads it, but nothing is expanded.
  local at=msbctl program=${(Q)words[1]/#\~\//$HOME/} home before word cur=$words[CURRENT] prev=$words[CURRENT-1]
  local -a entries globals
  for word in ${words[2,CURRENT-1]}; do
    if [[ $before == --home ]]; then home=${(Q)word/#\~\//$HOME/}; elif [[ $word == --home=* ]]; then home=${(Q)word#*=}; fi
    before=$word
    case "$at $word" in
)" + path_arms(root, "at", "      ") +
                     "    esac\n  done\n  case \"$at $prev\" in\n";
  text += value_arms(root, zsh_reply);
  text += "  esac\n  globals=(" + zsh_options(root) + " )\n  case $at in\n";
  for (const CLI::App* command : all_commands(root)) {
    std::vector<std::pair<std::string, std::string>> below;
    for (const CLI::App* sub : commands_of(*command)) below.emplace_back(sub->get_name(), sub->get_description());
    const auto arguments = arguments_of(*command);
    std::string reply = arguments.empty() ? ":" : zsh_reply(values_of(*arguments.back()));
    if (!below.empty()) reply = "entries=(" + zsh_entries(below) + " ); _describe command entries";
    const std::string own = command->get_parent() == nullptr ? std::string() : zsh_options(*command);
    text += "    " + in_quotes(full_name(*command)) + ")\n      if [[ $cur == -* ]]; then\n        entries=(" + own;
    text += " $globals ); _describe option entries\n      else\n        " + reply + "\n      fi ;;\n";
  }
  text += "  esac\n}\nif [[ $funcstack[1] == _msbctl ]]; then _msbctl; else compdef _msbctl msbctl; fi\n";
  return text;
}

// --- fish ---

std::string fish_values(const Values& values) {
  switch (values.kind) {
    case Values::kWords:
      return " -f -a " + in_quotes(values.words);
    case Values::kFiles:
      return " -F";
    case Values::kDirectories:
      return " -f -a '(__fish_complete_directories)'";
    case Values::kNames:
      return " -f -a '(__msbctl_names " + values.words + ")'";
    case Values::kNone:
      break;
  }
  return {};
}

std::string fish_script(const CLI::App& root) {
  std::string text = R"(# fish completion for msbctl
function __msbctl_at
  set -l path msbctl
  for word in (commandline -opc)[2..]
    switch "$path $word"
)";
  for (const CLI::App* command : all_commands(root)) {
    if (command->get_parent() == nullptr) continue;
    text += "      case " + in_quotes(full_name(*command));
    for (const std::string& alias : command->get_aliases()) {
      text += ' ' + in_quotes(full_name(*command->get_parent()) + ' ' + alias);
    }
    text += "\n        set path " + in_quotes(full_name(*command)) + '\n';
  }
  text += "    end\n  end\n  test \"$path\" = \"$argv\"\nend\n";
  text += R"(function __msbctl_names
  set -l home
  set -l before
  for word in (commandline -opc)[2..]
    if test "$before" = --home
      set home --home $word
      if string match -q -- '~/*' $word
        set home --home $HOME(string sub -s 2 -- $word)
      end
    else if string match -q -- '--home=*' $word
      set home $word
    end
    set before $word
  end
  msbctl $home __names $argv 2>/dev/null
end
complete -c msbctl -f
)";
  for (const CLI::App* command : all_commands(root)) {
    const std::string at = "complete -c msbctl -n " + in_quotes("__msbctl_at " + full_name(*command));
    for (const CLI::App* sub : commands_of(*command)) {
      text += at + " -a " + in_quotes(sub->get_name()) + " -d " + in_quotes(first_line(sub->get_description())) + '\n';
    }
    for (const CLI::Option* argument : arguments_of(*command)) {
      const std::string values = fish_values(values_of(*argument));
      if (!values.empty()) text += at + values + '\n';
    }
    for (const CLI::Option* option : options_of(*command)) {
      text += command->get_parent() == nullptr ? "complete -c msbctl" : at;
      for (const std::string& name : option->get_snames()) text += " -s " + name;
      for (const std::string& name : option->get_lnames()) text += " -l " + name;
      if (option->get_expected_max() > 0) text += " -r" + fish_values(values_of(*option));
      text += " -d " + in_quotes(first_line(option->get_description())) + '\n';
    }
  }
  return text;
}

/// One line for a name. What cannot be typed, or would be taken for two lines, is not offered.
void offer(Session& session, const std::string& name) {
  if (printable(name) == name) session.streams.print(name + '\n');
}

/// What completion offers for a kind of name. A home that is not there offers nothing, and is not made.
int print_names(Session& session, const std::string& kind) {
  msb_client* client = session.existing_client();
  if (kind == "images") {
    const auto list = ask<msb_image_index_list>(client, session.call());
    for (size_t i = 0; i < msb_image_list_count(list.get()); ++i) {
      const auto image = look<msb_image_read>(msb_image_list_at(list.get(), i)).value();
      offer(session, image.reference);
    }
  } else if (kind == "snapshots") {
    const auto list = ask<msb_snapshot_index_list>(client, nullptr, session.call());
    for (const auto& snapshot : snapshots_of(list.get())) {
      offer(session, snapshot.name != nullptr ? snapshot.name : snapshot.digest);
    }
  } else if (kind == "sandboxes") {
    const auto list = ask<msb_sandbox_index_list>(client, nullptr, size_t{0}, session.call());
    for (size_t i = 0; i < msb_sandbox_list_count(list.get()); ++i) {
      const auto sandbox = look<msb_sandbox_read>(msb_sandbox_list_at(list.get(), i)).value();
      offer(session, sandbox.name);
    }
  }
  return kOk;
}

}  // namespace

void add_completion_command(Shell& shell) {
  Session& session = shell.session;
  auto language = std::make_shared<std::string>();
  CLI::App* command = add_command(shell.app, "completion", "Print a completion script for a shell");
  restrict_to(command->add_option("SHELL", *language, "bash, zsh or fish")->required(), {"bash", "zsh", "fish"});
  command->footer("Example:\n  source <(msbctl completion bash)");
  set_action(command, shell, [&session, &shell, language] {
    const CLI::App& root = shell.app;
    session.streams.print(*language == "bash"  ? bash_script(root)
                          : *language == "zsh" ? zsh_script(root)
                                               : fish_script(root));
    return kOk;
  });

  auto kind = std::make_shared<std::string>();
  CLI::App* names = add_command(shell.app, "__names", "Print what completion offers");
  names->group("");
  names->add_option("KIND", *kind)->required();
  set_action(names, shell, [&session, kind] { return print_names(session, *kind); });
}

}  // namespace msbctl
