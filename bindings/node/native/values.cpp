#include "values.h"

#include <cmath>
#include <limits>

namespace msb_node {

Napi::Value text(Napi::Env env, const char* text) {
  if (text == nullptr) return env.Null();
  return Napi::String::New(env, text);
}

Napi::Value date(Napi::Env env, int64_t ns) {
  if (ns == std::numeric_limits<int64_t>::min()) return env.Null();
  constexpr double kNanosPerMilli = 1e6;
  return Napi::Date::New(env, std::floor(static_cast<double>(ns) / kNanosPerMilli));
}

Napi::Value big(Napi::Env env, uint64_t value) { return Napi::BigInt::New(env, value); }

Napi::Value number(Napi::Env env, bool known, uint64_t value) {
  if (!known) return env.Null();
  return Napi::Number::New(env, static_cast<double>(value));
}

Napi::Value texts(Napi::Env env, const char* const* list, std::size_t count) {
  if (list == nullptr) return env.Null();
  return array(env, count, [&](std::size_t index) { return text(env, list[index]); });
}

Napi::Value pairs(Napi::Env env, const msb_kv* list, std::size_t count) {
  return array(env, count, [&](std::size_t index) {
    Napi::Array pair = Napi::Array::New(env, 2);
    pair[0U] = list[index].key;
    pair[1U] = list[index].value;
    return pair;
  });
}

}  // namespace msb_node
