#pragma once

#include <optional>

#include "base/call.h"
#include "capi/object.h"

struct msb_cancel final : msb::capi::Object {
  static constexpr msb_handle_kind kKind = MSB_KIND_CANCEL;
  msb_cancel() : Object(kKind) {}

  msb::CancelToken token;
};

namespace msb::capi {

/// Reads the caller's msb_call into `storage` and returns the Call, which lives there.
Result<const Call*> read_call(const msb_call* call, std::optional<Call>& storage);

/// Ends a successful call with the MSB_PHASE_COMPLETE event.
void complete(const Call& call);

}  // namespace msb::capi
