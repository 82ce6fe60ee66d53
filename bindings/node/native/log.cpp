#include "log.h"

#include <array>
#include <string>
#include <string_view>

#include "environment.h"

namespace msb_node {
namespace {

constexpr std::array<const char*, 5> kLevels = {"", "error", "warn", "info", "debug"};
static_assert(MSB_LOG_ERROR == 1 && MSB_LOG_DEBUG == 4);

}  // namespace

uint32_t log_level(const char* name) {
  for (uint32_t level = MSB_LOG_ERROR; level < kLevels.size(); ++level) {
    if (std::string_view(kLevels[level]) == name) return level;
  }
  return 0;
}

void Log::write(uint32_t level, const char* target, const char* message, void* user) {
  auto* self = static_cast<Log*>(user);
  self->environment_.post([self, level, target = std::string(target), message = std::string(message)](Napi::Env env) {
    if (self->listener_.IsEmpty()) return;
    Napi::Object line = Napi::Object::New(env);
    line["level"] = kLevels[level < kLevels.size() ? level : 0];
    line["target"] = target;
    line["message"] = message;
    self->listener_.Call({line});
    if (env.IsExceptionPending()) napi_fatal_exception(env, env.GetAndClearPendingException().Value());
  });
}

}  // namespace msb_node
