#include "runtime/await_end.h"

#include <utility>

#include "sandbox/registry.h"

namespace msb::runtime {

void warn_of_pause(const image::Context& context, const std::string& name) {
  context.log.warn(
      "machine", "sandbox " + name + " is paused: this host has no space left for its disk; free some, and it goes on");
}

Result<bool> await_end(const image::Context& context, const std::string& name,
                       std::optional<std::chrono::milliseconds> limit, const Call& call,
                       const std::function<void()>& meanwhile) {
  constexpr std::chrono::milliseconds kLook{20};
  const auto begin = Call::Clock::now();
  bool paused = false;
  for (;;) {
    MSB_TRY(const auto sandbox, sandbox::get(context, name, call));
    if (!sandbox::is_live(sandbox.status)) return true;
    const bool was_paused = std::exchange(paused, sandbox.status == sandbox::Status::paused);
    if (paused && !was_paused) warn_of_pause(context, name);
    if (limit && Call::Clock::now() - begin >= *limit) return false;
    if (meanwhile) meanwhile();
    MSB_CHECK(call.pause(kLook));
  }
}

}  // namespace msb::runtime
