// What a user waits for: a sandbox's command to begin, and its exit code. Boots real machines, of an image made of the
// host's static busybox; works below $TMPDIR, or /tmp.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

#include <benchmark/benchmark.h>

#include "microsandbox.h"

namespace {

namespace fs = std::filesystem;

/// Ends the program when something that every run stands on has failed.
void need(msb_status status, msb_error* error) {
  if (status == MSB_OK) return;
  std::fprintf(stderr, "machine_bench: %s\n", msb_error_message(error));
  std::exit(1);
}

/// A home with an image and a sandbox of it that has run once, removed at exit.
class Home {
 public:
  Home() {
    const char* const parent = std::getenv("TMPDIR");
    folder_ = fs::path(parent != nullptr ? parent : "/tmp") / ("machine-bench-" + std::to_string(::getpid()));
    fs::create_directories(folder_);
    const std::string archive = folder_ / "image.tar";
    const std::string make = MSB_MAKE_IMAGE " \"$(command -v busybox)\" '" + archive + "'";
    if (std::system(make.c_str()) != 0) need(MSB_ERR_IO, nullptr);
    msb_client_opts opts = MSB_CLIENT_OPTS_INIT;
    const std::string home = folder_ / "home";
    opts.home = home.c_str();
    msb_error* error = nullptr;
    need(msb_client_open(&opts, &client_, &error), error);
    need(msb_image_load(client_, archive.c_str(), nullptr, nullptr, nullptr, &error), error);
    msb_sandbox_create_opts create = MSB_SANDBOX_CREATE_OPTS_INIT;
    create.image = "demo/busybox:1";
    need(msb_sandbox_create(client_, "base", &create, nullptr, nullptr, &error), error);
  }
  Home(const Home&) = delete;
  Home& operator=(const Home&) = delete;
  ~Home() {
    msb_handle_free(client_);
    fs::remove_all(folder_);
  }

  msb_client* client() const { return client_; }

 private:
  fs::path folder_;
  msb_client* client_ = nullptr;
};

/// Boot, `true`, power off. The counters are what the machine itself says: from the start of QEMU to the command, and
/// to the end of QEMU.
void BM_Run(benchmark::State& state) {
  static const Home home;
  const char* const command[] = {"/bin/sh", "-c", "true"};
  msb_sandbox_start_opts opts = MSB_SANDBOX_START_OPTS_INIT;
  opts.command = command;
  opts.command_count = std::size(command);
  opts.accelerator = static_cast<uint32_t>(state.range(0));
  for (auto _ : state) {
    msb_machine_end* end = nullptr;
    msb_error* error = nullptr;
    if (msb_sandbox_run(home.client(), "base", &opts, nullptr, &end, &error) != MSB_OK) {
      state.SkipWithError(msb_error_message(error));
      msb_handle_free(error);
      return;
    }
    msb_machine_end_info info{};
    info.struct_size = sizeof info;
    msb_machine_end_read(end, &info);
    state.counters["ready_ms"] = static_cast<double>(info.ready_ms);
    state.counters["machine_ms"] = static_cast<double>(info.total_ms);
    msb_handle_free(end);
  }
}
BENCHMARK(BM_Run)
    ->ArgName("accelerator")
    ->Arg(MSB_ACCELERATOR_TCG)
    ->Arg(MSB_ACCELERATOR_KVM)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond)
    ->Iterations(1)
    ->Repetitions(7)
    ->ReportAggregatesOnly();

}  // namespace

BENCHMARK_MAIN();
