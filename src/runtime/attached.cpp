#include "runtime/attached.h"

#include <utility>

namespace msb::runtime {

// What the parent has may be locked, or half changed, by a thread that is not in a child.

Attached::~Attached() {
  if (generation_ != os::process_generation()) static_cast<void>(kept_.release());
}

Attached::Kept& Attached::kept() {
  const std::lock_guard lock(os::fork_mutex());
  if (const uint64_t now = os::process_generation(); generation_ != now) {
    generation_ = now;
    static_cast<void>(kept_.release());
    kept_ = std::make_unique<Kept>();
  }
  return *kept_;
}

void Attached::keep(const std::string& sandbox, MonitorProcess monitor) {
  Kept& here = kept();
  const std::lock_guard lock(here.mutex);
  if (!here.closed) here.machines.insert_or_assign(sandbox, std::move(monitor));
}

Done Attached::let_go(const std::string& sandbox, const Call& call) {
  Kept& here = kept();
  const std::lock_guard lock(here.mutex);
  const auto found = here.machines.find(sandbox);
  if (found == here.machines.end()) return Error(Status::sandbox_not_running, sandbox).with("name", sandbox);
  MSB_CHECK(found->second.let_go(call));
  here.machines.erase(found);
  return {};
}

void Attached::drop(const std::string& sandbox) {
  Kept& here = kept();
  const std::lock_guard lock(here.mutex);
  here.machines.erase(sandbox);
}

void Attached::close() {
  Kept& here = kept();
  const std::lock_guard lock(here.mutex);
  here.closed = true;
  here.machines.clear();
}

}  // namespace msb::runtime
