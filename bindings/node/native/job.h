#pragma once

#include <microsandbox.h>
#include <napi.h>

#include <memory>
#include <optional>
#include <utility>

#include "failure.h"
#include "handle.h"
#include "input.h"

namespace msb_node {

class Environment;

/// One call of the library: begun on the JavaScript thread, carried out on one of ours, settled on the former.
class Job {
 public:
  /// Reads `control`: undefined, or an object with `cancel` (a handle) and `onProgress` (a function).
  explicit Job(const Input& control);
  virtual ~Job() = default;

  /// Starts the call; the promise is for what result() makes of it. An input that was wrong is thrown instead.
  static Napi::Value start(std::unique_ptr<Job> job, Inputs& inputs);

  /// On a thread of ours.
  void run();

  /// From any thread: asks the call to stop.
  void cancel() { msb_cancel_trigger(cancel_.get()); }

 private:
  virtual msb_status work(const msb_call* call, msb_error** error) = 0;
  virtual Napi::Value result(Napi::Env env) = 0;

  static void on_progress(const msb_progress* event, void* user);
  void report(Napi::Env env, const struct Event& event);
  void settle(Napi::Env env);

  Environment& environment_;
  Napi::Promise::Deferred deferred_;
  Owned<msb_cancel> cancel_;
  Napi::FunctionReference listener_;
  std::optional<Napi::Error> thrown_;  ///< by the listener; ends the call
  msb_status status_ = MSB_OK;
  Owned<msb_error> error_;
};

/// A job made of two functions: `work(const msb_call*, Out&, msb_error**)` on a thread of ours, which yields a status,
/// and `convert(Napi::Env, Out&)` on the JavaScript thread.
template <typename Out, typename Work, typename Convert>
class Operation final : public Job {
 public:
  Operation(const Input& control, Work work, Convert convert)
      : Job(control), work_(std::move(work)), convert_(std::move(convert)) {}

 private:
  msb_status work(const msb_call* call, msb_error** error) override { return work_(call, out_, error); }
  Napi::Value result(Napi::Env env) override { return convert_(env, out_); }

  Work work_;
  Convert convert_;
  Out out_{};
};

template <typename Out, typename Work, typename Convert>
Napi::Value start(const Input& control, Work work, Convert convert) {
  using Made = Operation<Out, Work, Convert>;
  return Job::start(std::make_unique<Made>(control, std::move(work), std::move(convert)), control.inputs());
}

/// For calls that yield nothing but success: `work(const msb_call*, msb_error**)`.
template <typename Work>
Napi::Value start(const Input& control, Work work) {
  struct Nothing {};
  return start<Nothing>(
      control,
      [work = std::move(work)](const msb_call* call, Nothing&, msb_error** error) { return work(call, error); },
      [](Napi::Env env, Nothing&) { return env.Undefined(); });
}

}  // namespace msb_node
