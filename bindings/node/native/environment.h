#pragma once

#include <microsandbox.h>
#include <napi.h>

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "log.h"
#include "workers.h"

namespace msb_node {

class Job;

/// What the addon keeps for one JavaScript environment: the main thread has one, and so has every
/// worker_threads.Worker.
class Environment {
 public:
  /// Makes it and ties it to `env`, whose end it takes part in.
  static void create(Napi::Env env);
  static Environment& of(Napi::Env env) { return *env.GetInstanceData<Environment>(); }

  explicit Environment(Napi::Env env);

  Napi::Function handle_class() const { return handle_class_.Value(); }

  /// Runs the job on a thread of ours, a `patient` one on one of those that wait for machines; the process stays alive
  /// until it has settled. False when there is no thread.
  bool start(std::unique_ptr<Job> job, bool patient);

  /// The job has settled, and is destroyed.
  void settled(Job* job);

  /// Keeps what a client logs to until it is closed.
  void keep_log(const msb_client* client, std::unique_ptr<Log> log) { logs_[client] = std::move(log); }
  void drop_log(const msb_client* client) { logs_.erase(client); }

  /// Cancels the calls that run and waits for their threads; later ones find none. The jobs stay: one of them may be
  /// what called the JavaScript that ends the process.
  void quiesce();

  /// From any thread: runs `task` on the JavaScript thread, tasks in the order they came.
  void post(std::function<void(Napi::Env)> task);

 private:
  static void deliver(Napi::Env env, Napi::Function, Environment* self, void*);
  using Bell = Napi::TypedThreadSafeFunction<Environment, void, &Environment::deliver>;

  /// The environment ends, maybe amid calls: they are cancelled and waited for, so that none outlives what it uses.
  void end();

  Napi::Env env_;
  Napi::FunctionReference handle_class_;
  Bell bell_;  ///< wakes the JavaScript thread; what there is to do lies in posted_
  std::mutex mutex_;
  std::vector<std::function<void(Napi::Env)>> posted_;
  std::map<Job*, std::unique_ptr<Job>> running_;  ///< like all JavaScript values, touched by its thread alone
  std::map<const msb_client*, std::unique_ptr<Log>> logs_;
  Workers workers_{64};
  Workers patient_{4096};  ///< for calls that last as long as a machine: others must not wait for a thread of theirs
};

}  // namespace msb_node
