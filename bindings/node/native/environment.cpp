#include "environment.h"

#include <utility>

#include "handle.h"
#include "job.h"

namespace msb_node {

void Environment::create(Napi::Env env) {
  auto* self = new Environment(env);
  env.SetInstanceData(self);
  // Hooks run in reverse order: ours before that of the bell, which has to outlive the last of our threads.
  env.AddCleanupHook([self] { self->end(); });
}

Environment::Environment(Napi::Env env)
    : env_(env),
      handle_class_(Napi::Persistent(Handle::define(env))),
      bell_(Bell::New(env, "microsandbox", /*maxQueueSize=*/0, /*initialThreadCount=*/1, this)) {
  bell_.Unref(env);
}

bool Environment::start(std::unique_ptr<Job> job, bool patient) {
  Job* const running = job.get();
  if (!(patient ? patient_ : workers_).run([running] { running->run(); })) return false;
  if (running_.empty()) bell_.Ref(env_);
  running_.emplace(running, std::move(job));
  return true;
}

void Environment::settled(Job* job) {
  running_.erase(job);
  if (running_.empty()) bell_.Unref(env_);
}

void Environment::post(std::function<void(Napi::Env)> task) {
  bool silent;
  {
    const std::lock_guard lock(mutex_);
    silent = posted_.empty();
    posted_.push_back(std::move(task));
  }
  if (silent) bell_.NonBlockingCall();
}

void Environment::deliver(Napi::Env env, Napi::Function, Environment* self, void*) {
  if (env == nullptr) return;  // the bell is being taken down
  std::vector<std::function<void(Napi::Env)>> tasks;
  {
    const std::lock_guard lock(self->mutex_);
    tasks.swap(self->posted_);
  }
  for (const auto& task : tasks) {
    const Napi::HandleScope scope(env);
    task(env);
  }
}

void Environment::quiesce() {
  for (const auto& [job, owner] : running_) job->cancel();
  workers_.stop();
  patient_.stop();
}

void Environment::end() {
  quiesce();
  posted_.clear();
  running_.clear();
  for (const auto& [client, log] : logs_) log->mute();
}

}  // namespace msb_node
