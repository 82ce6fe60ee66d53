#include "capi/buffer.h"
#include "capi/guard.h"
#include "capi/structs.h"
#include "digest/digest.h"
#include "oci/reference.h"
#include "sandbox/sandbox.h"
#include "snapshot/reference.h"

extern "C" {

msb_status msb_digest_check(const char* digest, msb_error** err) {
  using namespace msb;
  return capi::guard(err, [&]() -> Done {
    MSB_TRY(const auto text, capi::need_text(digest, "digest"));
    auto parsed = Digest::parse(text);
    if (!parsed) return std::move(parsed).error();
    return {};
  });
}

msb_status msb_reference_normalize(const char* reference, msb_buffer** out, msb_error** err) {
  using namespace msb;
  return capi::guard(out, err, [&]() -> Result<msb_buffer*> {
    MSB_TRY(const auto text, capi::need_text(reference, "reference"));
    MSB_TRY(const auto parsed, oci::Reference::parse(text));
    return new msb_buffer(parsed.normalized());
  });
}

msb_status msb_name_check(uint32_t kind, const char* name, msb_error** err) {
  using namespace msb;
  return capi::guard(err, [&]() -> Done {
    MSB_TRY(const auto text, capi::need_text(name, "name"));
    switch (kind) {
      case MSB_NAME_SNAPSHOT:
        return snapshot::check_name(text);
      case MSB_NAME_SANDBOX:
        return sandbox::check_name(text);
      default:
        return Error(Status::invalid_argument, "unknown kind of name " + std::to_string(kind));
    }
  });
}

uint32_t msb_snapshot_ref_kind(const char* text) {
  return text != nullptr ? static_cast<uint32_t>(msb::snapshot::ref_kind(text)) : 0;
}

}  // extern "C"
