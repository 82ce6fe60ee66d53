#include "capi/guard.h"

namespace msb::capi {

msb_status report(Error error, msb_error** err) noexcept {
  const auto status = static_cast<msb_status>(error.status());
  if (err != nullptr) {
    try {
      *err = new msb_error(std::move(error));
    } catch (...) {
      *err = nullptr;  // no memory for the words; the status still tells
    }
  }
  return status;
}

}  // namespace msb::capi
