#pragma once

#include <fcntl.h>
#include <spawn.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <map>
#include <string>

#include <sys/wait.h>

#include "support/temp_dir.h"

namespace msb::test {

/// The servers of registry_lab.py, for as long as the object lives; see there for what they are.
class RegistryLab {
 public:
  RegistryLab() {
    int in[2];
    int out[2];
    if (::pipe2(in, O_CLOEXEC) != 0 || ::pipe2(out, O_CLOEXEC) != 0) throw std::runtime_error("pipe");
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
    const std::string script = MSB_TESTS_DIR "/support/registry_lab.py";
    const std::string work = dir_.path().string();
    const char* const argv[] = {"python3", "-B", "-W", "ignore", script.c_str(), work.c_str(), nullptr};
    if (::posix_spawnp(&pid_, "python3", &actions, nullptr, const_cast<char* const*>(argv), environ) != 0) pid_ = -1;
    posix_spawn_file_actions_destroy(&actions);
    ::close(in[0]);
    ::close(out[1]);
    stop_ = in[1];
    FILE* lines = ::fdopen(out[0], "r");
    char line[4096];
    while (std::fgets(line, sizeof line, lines) != nullptr) {
      std::string text(line);
      text.pop_back();
      if (text == "ready") ready_ = true;
      if (ready_) break;
      const size_t equals = text.find('=');
      if (equals != std::string::npos) facts_[text.substr(0, equals)] = text.substr(equals + 1);
    }
    std::fclose(lines);
  }
  RegistryLab(const RegistryLab&) = delete;
  RegistryLab& operator=(const RegistryLab&) = delete;
  ~RegistryLab() {
    ::close(stop_);
    if (pid_ > 0) ::waitpid(pid_, nullptr, 0);
  }

  /// False when the machine lacks docker-registry, skopeo, openssl or Python.
  bool ready() const { return ready_; }
  const std::string& operator[](const std::string& key) const { return facts_.at(key); }
  /// False for a server that this machine lacks.
  bool has(const std::string& key) const { return facts_.contains(key); }
  /// `127.0.0.1:<port>` of one of the servers.
  std::string host(const std::string& server) const { return "127.0.0.1:" + facts_.at(server); }
  /// The reference of an image behind a fault of the proxy.
  std::string behind(const std::string& fault, const std::string& image = "demo:1") const {
    return host("PROXY") + "/" + fault + "/" + image;
  }

 private:
  TempDir dir_;
  pid_t pid_ = -1;
  int stop_ = -1;
  bool ready_ = false;
  std::map<std::string, std::string> facts_;
};

}  // namespace msb::test
