#pragma once

#include <microsandbox.h>
#include <napi.h>

#include <cstddef>
#include <cstdint>

namespace msb_node {

/// What the library tells, as JavaScript values. NULL becomes null.
Napi::Value text(Napi::Env env, const char* text);

/// Nanoseconds since the epoch as a Date, cut to milliseconds; null for INT64_MIN.
Napi::Value date(Napi::Env env, int64_t ns);

/// Exact, as snapshots give their sizes.
Napi::Value big(Napi::Env env, uint64_t value);

/// Null where `known` is false; a number, as images give their sizes.
Napi::Value number(Napi::Env env, bool known, uint64_t value);

/// Array of what `element(index)` makes.
template <typename Element>
Napi::Array array(Napi::Env env, std::size_t count, Element element) {
  Napi::Array array = Napi::Array::New(env, count);
  for (std::size_t i = 0; i < count; ++i) {
    const Napi::HandleScope scope(env);  // lists may be long
    array[static_cast<uint32_t>(i)] = element(i);
  }
  return array;
}

/// Array of strings; null when the list is absent, which differs from an empty one.
Napi::Value texts(Napi::Env env, const char* const* list, std::size_t count);

/// Array of [key, value], in the order of the library: an object would move keys such as "1" to its front.
Napi::Value pairs(Napi::Env env, const msb_kv* list, std::size_t count);

}  // namespace msb_node
