// What a client says about its home: disk usage, check, recovery.
#include <vector>

#include "capi/client.h"
#include "capi/structs.h"
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
    MSB_TRY(const auto* context, session->client().context_to_change());
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
    if (options.repair) {
      MSB_TRY([[maybe_unused]] const auto* writable, session->client().context_to_change());
    }
    MSB_TRY(auto problems, client::check(session->client().context(), options, session->call()));
    capi::complete(session->call());
    return new msb_check_report(std::move(problems));
  });
}

size_t msb_check_report_count(const msb_check_report* report) {
  return report != nullptr ? report->problems.size() : 0;
}

bool msb_check_report_at(const msb_check_report* report, size_t index, msb_problem* out) {
  if (report == nullptr || index >= report->problems.size()) return false;
  const msb::image::Problem& problem = report->problems[index];
  msb_problem info{};
  info.kind = static_cast<uint32_t>(problem.kind);
  info.repaired = problem.repaired;
  info.subject = problem.subject.c_str();
  info.path = problem.path.empty() ? nullptr : problem.path.c_str();
  info.message = problem.message.c_str();
  return msb::capi::fill(out, info);
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
  info.path = item.path.empty() ? nullptr : item.path.c_str();
  info.allocated_bytes = item.allocated;
  info.apparent_bytes = item.apparent;
  info.shared_by = item.shared_by;
  info.pins = usage->pins[index].data();
  info.pin_count = usage->pins[index].size();
  return msb::capi::fill(out, info);
}

}  // extern "C"
