// What a user waits for: starting msbctl, and listing a home of 1,000 snapshots. Works below $TMPDIR, or /tmp.
#include <fcntl.h>
#include <spawn.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>
#include <sys/wait.h>

#include "microsandbox.h"

namespace {

namespace fs = std::filesystem;

[[noreturn]] void die(const char* what) {
  std::fprintf(stderr, "cli_bench: %s failed\n", what);
  std::exit(1);
}

/// A home with 1,000 snapshots in its index, removed at exit.
class Home {
 public:
  Home() {
    const char* const parent = std::getenv("TMPDIR");
    folder_ = fs::path(parent != nullptr ? parent : "/tmp") / ("cli-bench-" + std::to_string(::getpid()));
    for (int i = 0; i < 1000; ++i) add_snapshot("snapshot-" + std::to_string(i), i);
    msb_client_opts opts = MSB_CLIENT_OPTS_INIT;
    opts.home = folder_.c_str();
    msb_client* client = nullptr;
    uint32_t indexed = 0;
    if (msb_client_open(&opts, &client, nullptr) != MSB_OK) die("opening a home");
    if (msb_snapshot_reindex(client, nullptr, nullptr, &indexed, nullptr) != MSB_OK || indexed != 1000) die("indexing");
    msb_handle_free(client);
  }
  Home(const Home&) = delete;
  Home& operator=(const Home&) = delete;
  ~Home() { fs::remove_all(folder_); }

  const std::string& path() const { return folder_.native(); }

 private:
  void add_snapshot(const std::string& name, int number) {
    const fs::path directory = folder_ / "snapshots" / name;
    fs::create_directories(directory);
    std::ofstream(directory / "upper.ext4").close();
    fs::resize_file(directory / "upper.ext4", 1 << 20);
    const std::string digest(64, 'a');
    std::ofstream(directory / "manifest.json")
        << R"({"schema":1,"format":"raw","fstype":"ext4","image":{"ref":"python:3.12","manifest_digest":"sha256:)"
        << digest << R"("},"parent":null,"created_at":"2026-01-01T00:00:00.)" << 100000 + number
        << R"(+00:00","labels":{},"upper":{"file":"upper.ext4","size_bytes":1048576,"integrity":null},"source_sandbox":null})";
  }

  fs::path folder_;
};

/// Runs msbctl with its output thrown away.
void run(const std::vector<std::string>& arguments) {
  std::vector<char*> argv;
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  pid_t child = 0;
  if (posix_spawn(&child, MSBCTL, &actions, nullptr, argv.data(), environ) != 0) die("starting msbctl");
  posix_spawn_file_actions_destroy(&actions);
  int status = 0;
  if (waitpid(child, &status, 0) != child || status != 0) die("msbctl");
}

void BM_Start(benchmark::State& state) {
  for (auto _ : state) run({"msbctl", "--version"});
}
BENCHMARK(BM_Start)->UseRealTime()->Unit(benchmark::kMillisecond);

void BM_Help(benchmark::State& state) {
  for (auto _ : state) run({"msbctl", "snapshot", "create", "--help"});
}
BENCHMARK(BM_Help)->UseRealTime()->Unit(benchmark::kMillisecond);

void BM_ListThousandSnapshots(benchmark::State& state) {
  static const Home home;
  for (auto _ : state) run({"msbctl", "--home", home.path(), "snapshot", "ls"});
}
BENCHMARK(BM_ListThousandSnapshots)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
