#pragma once

#include <exception>
#include <new>
#include <type_traits>

#include "capi/error.h"

namespace msb::capi {

msb_status report(Error error, msb_error** err) noexcept;

/// Runs the body of an entry point and turns its Result into a status, an object and an error. Nothing that is thrown
/// below gets past here.
template <typename Body>
auto run(Body&& body) noexcept -> std::invoke_result_t<Body> {
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return Error(Status::no_memory, "");
  } catch (const std::exception& e) {
    return Error(Status::internal, e.what());
  } catch (...) {
    return Error(Status::internal, "unknown exception");
  }
}

/// For functions that return an object. `out` may be NULL only where `optional_out` says that callers may not want it.
template <typename Out, typename Body>
msb_status guard(Out** out, msb_error** err, Body&& body, bool optional_out = false) noexcept {
  if (err != nullptr) *err = nullptr;
  if (out != nullptr) *out = nullptr;
  if (out == nullptr && !optional_out) return report(Error(Status::invalid_argument, "out is NULL"), err);
  Result<Out*> result = run(std::forward<Body>(body));
  if (!result) return report(std::move(result).error(), err);
  if (out != nullptr) {
    *out = *result;
  } else {
    msb_handle_free(*result);
  }
  return MSB_OK;
}

/// For functions that only succeed or fail.
template <typename Body>
msb_status guard(msb_error** err, Body&& body) noexcept {
  if (err != nullptr) *err = nullptr;
  Done result = run(std::forward<Body>(body));
  return result ? msb_status{MSB_OK} : report(std::move(result).error(), err);
}

}  // namespace msb::capi
