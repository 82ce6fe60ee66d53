#include "capi/buffer.h"
#include "capi/guard.h"
#include "capi/structs.h"
#include "digest/digest.h"
#include "oci/reference.h"

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

}  // extern "C"
