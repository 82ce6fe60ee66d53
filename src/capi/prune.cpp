#include "image/prune.h"

#include "capi/client.h"
#include "capi/labels.h"
#include "capi/structs.h"

struct msb_prune_plan final : msb::capi::Object {
  static constexpr msb_handle_kind kKind = MSB_KIND_PRUNE_PLAN;
  explicit msb_prune_plan(msb::image::PrunePlan p) : Object(kKind), plan(std::move(p)) {}

  const msb::image::PrunePlan plan;
};

namespace {

using msb::Result;

Result<msb::image::PruneOptions> read_options(const msb_image_prune_opts* given) {
  using msb::capi::need_text;
  MSB_TRY(const auto opts, msb::capi::copy_opts(given));
  if ((opts.keep_count > 0 && opts.keep == nullptr) || (opts.label_count > 0 && opts.labels == nullptr)) {
    return msb::Error(msb::Status::invalid_argument, "a list of the options is NULL but has a count");
  }
  msb::image::PruneOptions options;
  for (size_t i = 0; i < opts.keep_count; ++i) {
    MSB_TRY(const std::string_view text, need_text(opts.keep[i], "reference to keep"));
    options.keep.emplace_back(text);
  }
  options.unused_for = static_cast<msb::UnixNanos>(std::min<uint64_t>(opts.unused_for_ns, INT64_MAX));
  MSB_TRY(options.labels, msb::capi::read_label_filter(opts.labels, opts.label_count));
  if (opts.reference_filter != nullptr) {
    MSB_TRY(options.reference_filter, need_text(opts.reference_filter, "reference_filter"));
  }
  options.max_bytes = opts.max_bytes;
  return options;
}

void write_report(const msb::image::PruneReport& done, msb_image_prune_report* out) {
  msb_image_prune_report report{};
  report.image_refs_removed = done.references;
  report.manifests_removed = done.manifests;
  report.layers_removed = done.layers;
  report.fsmeta_removed = done.fsmeta;
  report.vmdk_removed = done.vmdk;
  report.has_bytes_reclaimed = done.bytes.has_value();
  report.bytes_reclaimed = done.bytes.value_or(0);
  msb::capi::fill(out, report);
}

/// The report is optional, but one without struct_size would silently stay empty.
msb::Done check_report(const msb_image_prune_report* report) {
  if (report != nullptr && report->struct_size < sizeof(size_t)) {
    return msb::Error(msb::Status::invalid_argument, "struct_size of the report is not set");
  }
  return {};
}

}  // namespace

extern "C" {

msb_status msb_image_prune(msb_client* client, const msb_image_prune_opts* opts, const msb_call* call,
                           msb_image_prune_report* report, msb_error** err) {
  using namespace msb;
  return capi::guard(err, [&]() -> Done {
    MSB_TRY(const auto session, capi::Session::begin(client, call));
    MSB_CHECK(check_report(report));
    MSB_TRY(const auto options, read_options(opts));
    MSB_TRY(const auto* context, session->client().context_to_change(session->call()));
    MSB_TRY(const auto done, image::prune(*context, options, session->call()));
    capi::complete(session->call());
    write_report(done, report);
    return {};
  });
}

msb_status msb_image_prune_plan(msb_client* client, const msb_image_prune_opts* opts, const msb_call* call,
                                msb_prune_plan** out, msb_error** err) {
  using namespace msb;
  return capi::guard(out, err, [&]() -> Result<msb_prune_plan*> {
    MSB_TRY(const auto session, capi::Session::begin(client, call));
    MSB_TRY(const auto options, read_options(opts));
    MSB_TRY(auto plan, image::plan_prune(session->client().context(), options, session->call()));
    return new msb_prune_plan(std::move(plan));
  });
}

msb_status msb_image_prune_apply(msb_client* client, const msb_prune_plan* plan, const msb_call* call,
                                 msb_image_prune_report* report, msb_error** err) {
  using namespace msb;
  return capi::guard(err, [&]() -> Done {
    MSB_TRY(const auto session, capi::Session::begin(client, call));
    MSB_CHECK(check_report(report));
    MSB_TRY(const msb_prune_plan* checked, capi::use(plan));
    MSB_TRY(const auto* context, session->client().context_to_change(session->call()));
    MSB_TRY(const auto done, image::apply_prune(*context, checked->plan, session->call()));
    capi::complete(session->call());
    write_report(done, report);
    return {};
  });
}

size_t msb_prune_plan_count(const msb_prune_plan* plan) { return plan != nullptr ? plan->plan.items.size() : 0; }

bool msb_prune_plan_at(const msb_prune_plan* plan, size_t index, msb_prune_item* out) {
  if (plan == nullptr || index >= plan->plan.items.size()) return false;
  const msb::image::PlanItem& item = plan->plan.items[index];
  msb_prune_item info{};
  info.kind = static_cast<uint32_t>(item.kind);
  info.remove = item.remove;
  info.name = item.name.c_str();
  info.bytes = item.bytes;
  info.reason = item.reason.c_str();
  return msb::capi::fill(out, info);
}

}  // extern "C"
