#include "os/spawn.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <string_view>

extern char** environ;

namespace msb::os {
namespace {

constexpr std::array kEndings{SIGHUP, SIGINT, SIGQUIT, SIGTERM};

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> found;
  found.reserve(texts.size() + 1);
  for (const std::string& text : texts) found.push_back(const_cast<char*>(text.c_str()));
  found.push_back(nullptr);
  return found;
}

bool is_basic(std::string_view variable) {
  static constexpr auto kNames = std::to_array<std::string_view>(
      {"HOME", "LANG", "LANGUAGE", "LD_LIBRARY_PATH", "LOGNAME", "PATH", "QEMU_MODULE_DIR", "TMPDIR", "TZ", "USER",
       // Of builds that watch themselves.
       "ASAN_OPTIONS", "GCOV_PREFIX", "GCOV_PREFIX_STRIP", "LLVM_PROFILE_FILE", "LSAN_OPTIONS", "TSAN_OPTIONS",
       "UBSAN_OPTIONS"});
  const std::string_view name = variable.substr(0, variable.find('='));
  return name.starts_with("LC_") || std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

}  // namespace

Spawn::Spawn() {
  posix_spawn_file_actions_init(&actions_);
  posix_spawnattr_init(&attributes_);
  sigset_t none;
  sigset_t all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes_, &none);
  posix_spawnattr_setsigdefault(&attributes_, &all);
}

Spawn::~Spawn() {
  posix_spawn_file_actions_destroy(&actions_);
  posix_spawnattr_destroy(&attributes_);
}

void Spawn::open(int to, const std::string& path, int flags) {
  posix_spawn_file_actions_addopen(&actions_, to, path.c_str(), flags, 0600);
  reach(to);
}

void Spawn::pass(int from, int to) {
  posix_spawn_file_actions_adddup2(&actions_, from, to);
  reach(to);
}

void Spawn::lead_session() { flags_ |= static_cast<short>(POSIX_SPAWN_SETSID); }

void Spawn::keep_ignored_endings() {
  sigset_t plain;
  sigfillset(&plain);
  for (const int ending : kEndings) {
    struct sigaction now {};
    if (::sigaction(ending, nullptr, &now) == 0 && now.sa_handler == SIG_IGN) sigdelset(&plain, ending);
  }
  posix_spawnattr_setsigdefault(&attributes_, &plain);
}

Result<pid_t> Spawn::run(const std::string& program, const std::vector<std::string>& arguments,
                         const std::vector<std::string>& environment) {
  posix_spawn_file_actions_addclosefrom_np(&actions_, beyond_);
  posix_spawn_file_actions_addchdir_np(&actions_, "/");
  posix_spawnattr_setflags(&attributes_, flags_);
  pid_t pid = -1;
  const int failed = ::posix_spawn(&pid, program.c_str(), &actions_, &attributes_, pointers(arguments).data(),
                                   pointers(environment).data());
  if (failed != 0) return Error::io("start", program, failed);
  return pid;
}

std::vector<std::string> whole_environment() {
  std::vector<std::string> variables;
  for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable) {
    variables.emplace_back(*variable);
  }
  return variables;
}

std::vector<std::string> basic_environment() {
  std::vector<std::string> variables = whole_environment();
  std::erase_if(variables, [](const std::string& variable) { return !is_basic(variable); });
  return variables;
}

}  // namespace msb::os
