#include "job.h"

#include <cstdint>
#include <optional>
#include <string>

#include "environment.h"
#include "names.h"
#include "values.h"

namespace msb_node {

/// A copy of msb_progress, which lives only as long as the callback.
struct Event {
  const char* phase;
  std::optional<std::string> item;
  uint32_t index;
  uint32_t count;
  uint64_t done;
  std::optional<uint64_t> total;
};

Job::Job(const Input& control, bool patient)
    : environment_(Environment::of(control.inputs().env())),
      patient_(patient),
      deferred_(Napi::Promise::Deferred::New(control.inputs().env())) {
  const Input cancel = control["cancel"];
  if (cancel.given()) {
    cancel_ = cancel.handle<msb_cancel>();
  } else {
    msb_cancel_new(cancel_.out(), nullptr);  // the end of the environment needs one
  }
  const Input timeout = control["timeoutMs"];
  if (timeout.given()) deadline_ns_ = msb_deadline_after_ms(timeout.number());
  progress_ = control["onProgress"].listener();
  output_ = control["onOutput"].listener();
}

Napi::Value Job::start(std::unique_ptr<Job> job, Inputs& inputs) {
  if (!inputs.good()) return inputs.refuse();
  const Napi::Promise promise = job->deferred_.Promise();
  const bool patient = job->patient_;
  if (Environment::of(inputs.env()).start(std::move(job), patient)) return promise;
  make_error(inputs.env(), MSB_ERR_NO_MEMORY, "out of memory: no thread can be started").ThrowAsJavaScriptException();
  return inputs.env().Undefined();
}

void Job::run() {
  msb_call call = MSB_CALL_INIT;
  call.cancel = cancel_.get();
  call.deadline_ns = deadline_ns_;
  if (!progress_.IsEmpty()) call.on_progress = &Job::on_progress;
  call.user = this;
  status_ = work(&call, error_.out());
  environment_.post([this](Napi::Env env) { settle(env); });  // the last of it: we may be gone from here on
}

void Job::on_progress(const msb_progress* event, void* user) {
  auto* self = static_cast<Job*>(user);
  Event copy{
      msb_progress_phase_name(event->phase), std::nullopt, event->index, event->count, event->done, std::nullopt};
  if (event->item != nullptr) copy.item = event->item;
  if (event->total_known) copy.total = event->total;
  self->environment_.post([self, copy = std::move(copy)](Napi::Env env) {
    Napi::Object object = Napi::Object::New(env);
    object["phase"] = copy.phase;
    object["item"] = copy.item ? Napi::Value(Napi::String::New(env, *copy.item)) : env.Null();
    object["index"] = copy.index;
    object["count"] = copy.count;
    object["done"] = Napi::BigInt::New(env, copy.done);
    object["total"] = copy.total ? Napi::Value(Napi::BigInt::New(env, *copy.total)) : env.Null();
    self->tell(env, self->progress_, {object});
  });
}

void Job::on_output(uint32_t source, const void* bytes, std::size_t length, void* user) {
  auto* self = static_cast<Job*>(user);
  self->environment_.post([self, source, copy = std::string(static_cast<const char*>(bytes), length)](Napi::Env env) {
    self->tell(env, self->output_,
               {Napi::Buffer<char>::Copy(env, copy.data(), copy.size()), text(env, name_of(kOutputs, source))});
  });
}

void Job::tell(Napi::Env env, const Napi::FunctionReference& listener, const std::vector<napi_value>& arguments) {
  if (thrown_) return;
  listener.Call(arguments);
  if (!env.IsExceptionPending()) return;
  thrown_ = env.GetAndClearPendingException();
  cancel();
}

void Job::settle(Napi::Env env) {
  if (thrown_) {
    deferred_.Reject(thrown_->Value());
  } else if (status_ != MSB_OK) {
    deferred_.Reject(make_error(env, error_.get()).Value());
  } else {
    const Napi::Value value = result(env);
    if (env.IsExceptionPending()) {
      deferred_.Reject(env.GetAndClearPendingException().Value());
    } else {
      deferred_.Resolve(value);
    }
  }
  environment_.settled(this);
}

}  // namespace msb_node
