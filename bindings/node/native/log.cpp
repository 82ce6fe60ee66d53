#include "log.h"

#include <string>

#include "environment.h"
#include "names.h"

namespace msb_node {
void Log::write(uint32_t level, const char* target, const char* message, void* user) {
  auto* self = static_cast<Log*>(user);
  self->environment_.post([self, level, target = std::string(target), message = std::string(message)](Napi::Env env) {
    if (self->listener_.IsEmpty()) return;
    Napi::Object line = Napi::Object::New(env);
    line["level"] = name_of(kLogLevels, level);
    line["target"] = target;
    line["message"] = message;
    self->listener_.Call({line});
    if (env.IsExceptionPending()) napi_fatal_exception(env, env.GetAndClearPendingException().Value());
  });
}

}  // namespace msb_node
