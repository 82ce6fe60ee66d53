#pragma once

#include <microsandbox.h>
#include <napi.h>

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "failure.h"
#include "handle.h"
#include "input.h"

namespace msb_node {

class Environment;

/// One call of the library: begun on the JavaScript thread, carried out on one of ours, settled on the former.
class Job {
 public:
  /// Reads `control`: undefined, or an object with `cancel` (a handle), `timeoutMs`, `onProgress` and `onOutput`
  /// (functions).
  /// `patient` says that the call lasts as long as a machine.
  Job(const Input& control, bool patient);
  virtual ~Job() = default;

  /// Starts the call; the promise is for what result() makes of it. An input that was wrong is thrown instead.
  static Napi::Value start(std::unique_ptr<Job> job, Inputs& inputs);

  /// On a thread of ours.
  void run();

  /// An msb_output_fn for `onOutput`; `user` is that of the msb_call that work() is given.
  static void on_output(uint32_t source, const void* bytes, std::size_t length, void* user);

  /// From any thread: asks the call to stop.
  void cancel() { msb_cancel_trigger(cancel_.get()); }

 private:
  virtual msb_status work(const msb_call* call, msb_error** error) = 0;
  virtual Napi::Value result(Napi::Env env) = 0;

  static void on_progress(const msb_progress* event, void* user);
  /// What a listener throws ends the call, which then rejects with it.
  void tell(Napi::Env env, const Napi::FunctionReference& listener, const std::vector<napi_value>& arguments);
  void settle(Napi::Env env);

  Environment& environment_;
  const bool patient_;
  Napi::Promise::Deferred deferred_;
  Owned<msb_cancel> cancel_;
  int64_t deadline_ns_ = 0;
  Napi::FunctionReference progress_;
  Napi::FunctionReference output_;
  std::optional<Napi::Error> thrown_;  ///< by a listener
  msb_status status_ = MSB_OK;
  Owned<msb_error> error_;
};

/// A job made of two functions: `work(const msb_call*, Out&, msb_error**)` on a thread of ours, which yields a status,
/// and `convert(Napi::Env, Out&)` on the JavaScript thread.
template <typename Out, typename Work, typename Convert>
class Operation final : public Job {
 public:
  Operation(const Input& control, bool patient, Work work, Convert convert)
      : Job(control, patient), work_(std::move(work)), convert_(std::move(convert)) {}

 private:
  msb_status work(const msb_call* call, msb_error** error) override { return work_(call, out_, error); }
  Napi::Value result(Napi::Env env) override { return convert_(env, out_); }

  Work work_;
  Convert convert_;
  Out out_{};
};

template <typename Out, typename Work, typename Convert>
Napi::Value start(const Input& control, Work work, Convert convert, bool patient = false) {
  using Made = Operation<Out, Work, Convert>;
  return Job::start(std::make_unique<Made>(control, patient, std::move(work), std::move(convert)), control.inputs());
}

/// For calls that yield nothing but success: `work(const msb_call*, msb_error**)`.
template <typename Work>
Napi::Value start(const Input& control, Work work, bool patient = false) {
  struct Nothing {};
  return start<Nothing>(
      control,
      [work = std::move(work)](const msb_call* call, Nothing&, msb_error** error) { return work(call, error); },
      [](Napi::Env env, Nothing&) { return env.Undefined(); }, patient);
}

}  // namespace msb_node
