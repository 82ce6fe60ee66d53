// What a client says about its home: disk usage, check, recovery.
#include <vector>

#include "capi/client.h"
#include "capi/structs.h"
#include "client/inspect.h"
#include "client/maintain.h"
#include "image/usage.h"

struct msb_disk_usage final : msb::capi::Object {
  static constexpr msb_handle_kind kKind = MSB_KIND_DISK_USAGE;
  explicit msb_disk_usage(msb::image::DiskUsage u);

  const msb::image::DiskUsage usage;
  std::vector<std::vector<const char*>> pins;  ///< of each item, pointing into `usage`
};

struct msb_check_report final : msb::capi::Object {
  static constexpr msb_handle_kind kKind = MSB_KIND_CHECK_REPORT;
  explicit msb_check_report(std::vector<msb::image::Problem> p) : Object(kKind), problems(std::move(p)) {}

  const std::vector<msb::image::Problem> problems;
};

struct msb_home_report final : msb::capi::Object {
  static constexpr msb_handle_kind kKind = MSB_KIND_HOME_REPORT;
  explicit msb_home_report(msb::client::HomeReport r) : Object(kKind), report(std::move(r)) {}

  const msb::client::HomeReport report;
};

namespace {

bool problem_at(const std::vector<msb::image::Problem>& problems, size_t index, msb_problem* out) {
  if (index >= problems.size()) return false;
  const msb::image::Problem& problem = problems[index];
  msb_problem info{};
  info.kind = static_cast<uint32_t>(problem.kind);
  info.repaired = problem.repaired;
  info.subject = problem.subject.c_str();
  info.path = msb::capi::text_or_null(problem.path);
  info.message = problem.message.c_str();
  return msb::capi::fill(out, info);
}

}  // namespace

msb_disk_usage::msb_disk_usage(msb::image::DiskUsage u) : Object(kKind), usage(std::move(u)) {
  pins.reserve(usage.items.size());
  for (const auto& item : usage.items) {
    auto& list = pins.emplace_back();
    for (const std::string& pin : item.pins) list.push_back(pin.c_str());
  }
}

extern "C" {

msb_status msb_client_recover(msb_client* client, const msb_call* call, uint32_t* repaired, msb_error** err) {
  using namespace msb;
  return capi::guard(err, [&]() -> Done {
    MSB_TRY(const auto session, capi::Session::begin(client, call));
    MSB_TRY(const auto* context, session->client().context_to_change(session->call()));
    MSB_TRY(const uint32_t count, client::recover(*context, session->call()));
    capi::complete(session->call());
    if (repaired != nullptr) *repaired = count;
    return {};
  });
}

msb_status msb_client_check(msb_client* client, const msb_client_check_opts* opts, const msb_call* call,
                            msb_check_report** out, msb_error** err) {
  using namespace msb;
  return capi::guard(out, err, [&]() -> Result<msb_check_report*> {
    MSB_TRY(const auto session, capi::Session::begin(client, call));
    MSB_TRY(const auto copied, capi::copy_opts(opts));
    const image::CheckOptions options{.deep = copied.deep, .repair = copied.repair};
    if (options.repair) MSB_CHECK(session->client().context_to_change(session->call()));
    MSB_TRY(auto problems, client::check(session->client().context(), options, session->call()));
    capi::complete(session->call());
    return new msb_check_report(std::move(problems));
  });
}

size_t msb_check_report_count(const msb_check_report* report) {
  return report != nullptr ? report->problems.size() : 0;
}

bool msb_check_report_at(const msb_check_report* report, size_t index, msb_problem* out) {
  return report != nullptr && problem_at(report->problems, index, out);
}

msb_status msb_home_inspect(const msb_client_opts* opts, const msb_call* call, msb_home_report** out, msb_error** err) {
  using namespace msb;
  return capi::guard(out, err, [&]() -> Result<msb_home_report*> {
    std::optional<Call> storage;
    MSB_TRY(const Call* const read, capi::read_call(call, storage));
    MSB_TRY(const auto options, capi::read_options(opts));
    MSB_TRY(auto report, client::inspect(os::real_fs(), options, *read));
    capi::complete(*read);
    return new msb_home_report(std::move(report));
  });
}

bool msb_home_report_read(const msb_home_report* report, msb_home_info* out) {
  using msb::capi::text_or_null;
  if (report == nullptr) return false;
  const msb::client::HomeReport& home = report->report;
  msb_home_info info{};
  info.state = static_cast<uint32_t>(home.state);
  info.generation = static_cast<uint32_t>(home.generation);
  info.writes = static_cast<uint32_t>(home.writes);
  info.migrations = home.migrations;
  info.home = home.home.root.c_str();
  info.database = home.database_path.c_str();
  info.obstacle = text_or_null(home.obstacle);
  info.schema = text_or_null(home.schema);
  info.last_migration = text_or_null(home.last_migration);
  info.oldest_release = text_or_null(home.oldest_release);
  info.newest_release = text_or_null(home.newest_release);
  info.images = home.images;
  info.sandboxes = home.sandboxes;
  info.running = home.running;
  info.indexed_snapshots = home.indexed_snapshots;
  info.snapshots = home.snapshots;
  return msb::capi::fill(out, info);
}

size_t msb_home_report_problem_count(const msb_home_report* report) {
  return report != nullptr ? report->report.problems.size() : 0;
}

bool msb_home_report_problem_at(const msb_home_report* report, size_t index, msb_problem* out) {
  return report != nullptr && problem_at(report->report.problems, index, out);
}

msb_status msb_client_disk_usage(msb_client* client, const msb_call* call, msb_disk_usage** out, msb_error** err) {
  using namespace msb;
  return capi::guard(out, err, [&]() -> Result<msb_disk_usage*> {
    MSB_TRY(const auto session, capi::Session::begin(client, call));
    MSB_TRY(auto usage, image::disk_usage(session->client().context(), session->call()));
    return new msb_disk_usage(std::move(usage));
  });
}

bool msb_disk_usage_read(const msb_disk_usage* usage, msb_disk_usage_info* out) {
  if (usage == nullptr) return false;
  msb_disk_usage_info info{};
  info.images_bytes = usage->usage.images;
  info.snapshots_bytes = usage->usage.snapshots;
  info.sandboxes_bytes = usage->usage.sandboxes;
  info.reclaimable_bytes = usage->usage.reclaimable;
  return msb::capi::fill(out, info);
}

size_t msb_disk_usage_count(const msb_disk_usage* usage) { return usage != nullptr ? usage->usage.items.size() : 0; }

bool msb_disk_usage_at(const msb_disk_usage* usage, size_t index, msb_disk_item* out) {
  if (usage == nullptr || index >= usage->usage.items.size()) return false;
  const msb::image::DiskItem& item = usage->usage.items[index];
  msb_disk_item info{};
  info.kind = static_cast<uint32_t>(item.kind);
  info.reclaimable = item.reclaimable;
  info.name = item.name.c_str();
  info.path = msb::capi::text_or_null(item.path);
  info.allocated_bytes = item.allocated;
  info.apparent_bytes = item.apparent;
  info.shared_by = item.shared_by;
  info.pins = usage->pins[index].data();
  info.pin_count = usage->pins[index].size();
  return msb::capi::fill(out, info);
}

}  // extern "C"
