#include <microsandbox.h>

#include "input.h"
#include "job.h"
#include "operations.h"
#include "values.h"

namespace msb_node {
namespace {

Napi::Object sandbox_object(Napi::Env env, const msb_sandbox* sandbox) {
  msb_sandbox_info info{};
  info.struct_size = sizeof info;
  msb_sandbox_read(sandbox, &info);
  Napi::Object object = Napi::Object::New(env);
  object["name"] = text(env, info.name);
  object["status"] = text(env, msb_sandbox_status_name(info.status));
  object["configJson"] = text(env, info.config_json);
  object["createdAt"] = date(env, info.created_at_ns);
  object["updatedAt"] = date(env, info.updated_at_ns);
  return object;
}

Napi::Value sandbox_create(const Napi::CallbackInfo& info) {
  Inputs inputs(info);
  const Input opts = inputs.at(2, "options");
  return start<Owned<msb_sandbox>>(
      inputs.at(3, "control"),
      [client = inputs.at(0, "client").handle<msb_client>(), name = inputs.at(1, "name").text(),
       image = opts["image"].optional_text(), from_snapshot = opts["fromSnapshot"].optional_text(),
       upper_size = opts["upperSize"].integer(), labels = opts["labels"].pairs(),
       config_json = opts["configJson"].optional_text(),
       replace = opts["replace"].flag()](const msb_call* call, Owned<msb_sandbox>& out, msb_error** error) {
        const auto label_list = labels.view();
        msb_sandbox_create_opts create = MSB_SANDBOX_CREATE_OPTS_INIT;
        create.image = c_str(image);
        create.from_snapshot = c_str(from_snapshot);
        create.upper_size = upper_size;
        create.labels = label_list.data();
        create.label_count = label_list.size();
        create.config_json = c_str(config_json);
        create.replace = replace;
        return msb_sandbox_create(client.get(), name.c_str(), &create, call, out.out(), error);
      },
      [](Napi::Env env, Owned<msb_sandbox>& sandbox) { return sandbox_object(env, sandbox.get()); });
}

Napi::Value sandbox_get(const Napi::CallbackInfo& info) {
  Inputs inputs(info);
  return start<Owned<msb_sandbox>>(
      inputs.at(2, "control"),
      [client = inputs.at(0, "client").handle<msb_client>(), name = inputs.at(1, "name").text()](
          const msb_call* call, Owned<msb_sandbox>& out, msb_error** error) {
        return msb_sandbox_get(client.get(), name.c_str(), call, out.out(), error);
      },
      [](Napi::Env env, Owned<msb_sandbox>& sandbox) { return sandbox_object(env, sandbox.get()); });
}

Napi::Value sandbox_list(const Napi::CallbackInfo& info) {
  Inputs inputs(info);
  return start<Owned<msb_sandbox_list>>(
      inputs.at(2, "control"),
      [client = inputs.at(0, "client").handle<msb_client>(), labels = inputs.at(1, "labels").pairs()](
          const msb_call* call, Owned<msb_sandbox_list>& out, msb_error** error) {
        const auto list = labels.view();
        return msb_sandbox_index_list(client.get(), list.data(), list.size(), call, out.out(), error);
      },
      [](Napi::Env env, Owned<msb_sandbox_list>& list) {
        return array(env, msb_sandbox_list_count(list.get()),
                     [&](std::size_t index) { return sandbox_object(env, msb_sandbox_list_at(list.get(), index)); });
      });
}

Napi::Value sandbox_remove(const Napi::CallbackInfo& info) {
  Inputs inputs(info);
  return start(inputs.at(2, "control"), [client = inputs.at(0, "client").handle<msb_client>(),
                                         name = inputs.at(1, "name").text()](const msb_call* call, msb_error** error) {
    return msb_sandbox_remove(client.get(), name.c_str(), call, error);
  });
}

}  // namespace

void export_sandbox(Napi::Env env, Napi::Object exports) {
  export_function<sandbox_create>(env, exports, "sandboxCreate");
  export_function<sandbox_get>(env, exports, "sandboxGet");
  export_function<sandbox_list>(env, exports, "sandboxList");
  export_function<sandbox_remove>(env, exports, "sandboxRemove");
}

}  // namespace msb_node
