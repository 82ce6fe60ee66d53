#include "runtime/await_end.h"

#include "sandbox/registry.h"

namespace msb::runtime {

Result<bool> await_end(const image::Context& context, const std::string& name,
                       std::optional<std::chrono::milliseconds> limit, const Call& call,
                       const std::function<void()>& meanwhile) {
  constexpr std::chrono::milliseconds kLook{20};
  const auto begin = Call::Clock::now();
  for (;;) {
    MSB_TRY(const auto sandbox, sandbox::get(context, name, call));
    if (!sandbox::is_live(sandbox.status)) return true;
    if (limit && Call::Clock::now() - begin >= *limit) return false;
    if (meanwhile) meanwhile();
    MSB_CHECK(call.pause(kLook));
  }
}

}  // namespace msb::runtime
