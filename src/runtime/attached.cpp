#include "runtime/attached.h"

namespace msb::runtime {

void Attached::keep(const std::string& sandbox, MonitorProcess monitor) {
  const std::lock_guard lock(mutex_);
  machines_.insert_or_assign(sandbox, std::move(monitor));
}

Done Attached::let_go(const std::string& sandbox, const Call& call) {
  const std::lock_guard lock(mutex_);
  const auto found = machines_.find(sandbox);
  if (found == machines_.end()) return Error(Status::sandbox_not_running, sandbox).with("name", sandbox);
  MSB_CHECK(found->second.let_go(call));
  machines_.erase(found);
  return {};
}

void Attached::drop(const std::string& sandbox) {
  const std::lock_guard lock(mutex_);
  machines_.erase(sandbox);
}

void Attached::drop_all() {
  const std::lock_guard lock(mutex_);
  machines_.clear();
}

}  // namespace msb::runtime
