#include "capi/call.h"

#include <limits>

#include "capi/guard.h"
#include "capi/structs.h"

namespace msb::capi {
namespace {

static_assert(static_cast<uint32_t>(Phase::complete) == MSB_PHASE_COMPLETE);

Call::Sink make_sink(msb_progress_fn on_progress, void* user) {
  if (on_progress == nullptr) return nullptr;
  return [on_progress, user](const Progress& progress) {
    msb_progress event{};
    event.struct_size = sizeof event;
    event.phase = static_cast<uint32_t>(progress.phase);
    event.index = progress.index;
    event.count = progress.count;
    event.total_known = progress.total_known;
    event.item = text_or_null(progress.item);
    event.done = progress.done;
    event.total = progress.total;
    on_progress(&event, user);
  };
}

}  // namespace

Result<const Call*> read_call(const msb_call* call, std::optional<Call>& storage) {
  MSB_TRY(const msb_call opts, copy_opts(call));
  const CancelToken* token = nullptr;
  if (opts.cancel != nullptr) {
    MSB_TRY(msb_cancel * cancel, use(opts.cancel));
    token = &cancel->token;
  }
  auto deadline = Call::Clock::time_point::max();
  if (opts.deadline_ns != 0) deadline = Call::Clock::time_point(std::chrono::nanoseconds(opts.deadline_ns));
  const uint32_t interval = opts.progress_interval_ms != 0 ? opts.progress_interval_ms : 50;
  storage.emplace(token, deadline, make_sink(opts.on_progress, opts.user), std::chrono::milliseconds(interval));
  MSB_CHECK(storage->check());
  return &*storage;
}

void complete(const Call& call) {
  Progress progress;
  progress.phase = Phase::complete;
  call.report(progress);
}

}  // namespace msb::capi

extern "C" {

msb_status msb_cancel_new(msb_cancel** out, msb_error** err) {
  return msb::capi::guard(out, err, [&]() -> msb::Result<msb_cancel*> { return new msb_cancel; });
}

void msb_cancel_trigger(msb_cancel* token) {
  if (token != nullptr) token->token.trigger();
}

bool msb_cancel_triggered(const msb_cancel* token) { return token != nullptr && token->token.triggered(); }

int64_t msb_deadline_after_ms(uint64_t ms) {
  // steady_clock is CLOCK_MONOTONIC on Linux, which is what the header promises.
  const int64_t now = msb::Call::Clock::now().time_since_epoch() / std::chrono::nanoseconds(1);
  constexpr int64_t kForever = std::numeric_limits<int64_t>::max();
  constexpr int64_t kNanosPerMilli = 1'000'000;
  if (ms > static_cast<uint64_t>((kForever - now) / kNanosPerMilli)) return kForever;
  return now + static_cast<int64_t>(ms) * kNanosPerMilli;
}

const char* msb_progress_phase_name(uint32_t phase) { return msb::phase_name(static_cast<msb::Phase>(phase)).data(); }

}  // extern "C"
