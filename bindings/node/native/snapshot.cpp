#include <microsandbox.h>

#include "input.h"
#include "job.h"
#include "operations.h"
#include "snapshot_objects.h"

namespace msb_node {
namespace {

Napi::Value snapshot_create(const Napi::CallbackInfo& info) {
  Inputs inputs(info);
  const Input opts = inputs.at(2, "options");
  return start<Owned<msb_snapshot>>(
      inputs.at(3, "control"),
      [client = inputs.at(0, "client").handle<msb_client>(), source = inputs.at(1, "sourceSandbox").text(),
       name = opts["name"].optional_text(), path = opts["path"].optional_text(),
       dest_dir = opts["destDir"].optional_text(), labels = opts["labels"].pairs(), force = opts["force"].flag(),
       record_integrity = opts["recordIntegrity"].flag()](const msb_call* call, Owned<msb_snapshot>& out,
                                                          msb_error** error) {
        const auto label_list = labels.view();
        msb_snapshot_create_opts create = MSB_SNAPSHOT_CREATE_OPTS_INIT;
        create.name = c_str(name);
        create.path = c_str(path);
        create.dest_dir = c_str(dest_dir);
        create.labels = label_list.data();
        create.label_count = label_list.size();
        create.force = force;
        create.record_integrity = record_integrity;
        return msb_snapshot_create(client.get(), source.c_str(), &create, call, out.out(), error);
      },
      snapshot_object);
}

Napi::Value snapshot_convert(const Napi::CallbackInfo& info) {
  Inputs inputs(info);
  const Input opts = inputs.at(2, "options");
  const uint32_t algorithm = opts["integrityAlgorithm"].one_of(kIntegrityAlgorithms);
  return start<Owned<msb_snapshot>>(
      inputs.at(3, "control"),
      [client = inputs.at(0, "client").handle<msb_client>(), ref = inputs.at(1, "pathOrName").text(),
       form = opts["form"].one_of(kForms), name = opts["name"].optional_text(), path = opts["path"].optional_text(),
       dest_dir = opts["destDir"].optional_text(), force = opts["force"].flag(),
       record_integrity = opts["recordIntegrity"].flag() || algorithm != 0, algorithm,
       drop_parent = opts["dropParent"].flag()](const msb_call* call, Owned<msb_snapshot>& out, msb_error** error) {
        msb_snapshot_convert_opts convert = MSB_SNAPSHOT_CONVERT_OPTS_INIT;
        convert.form = form;
        convert.name = c_str(name);
        convert.path = c_str(path);
        convert.dest_dir = c_str(dest_dir);
        convert.force = force;
        convert.record_integrity = record_integrity;
        convert.integrity_algorithm = algorithm;
        convert.drop_parent = drop_parent;
        return msb_snapshot_convert(client.get(), ref.c_str(), &convert, call, out.out(), error);
      },
      snapshot_object);
}

Napi::Value snapshot_open(const Napi::CallbackInfo& info) {
  Inputs inputs(info);
  return start<Owned<msb_snapshot>>(
      inputs.at(2, "control"),
      [client = inputs.at(0, "client").handle<msb_client>(), ref = inputs.at(1, "pathOrName").text()](
          const msb_call* call, Owned<msb_snapshot>& out, msb_error** error) {
        return msb_snapshot_open(client.get(), ref.c_str(), call, out.out(), error);
      },
      snapshot_object);
}

Napi::Value snapshot_get(const Napi::CallbackInfo& info) {
  Inputs inputs(info);
  return start<Owned<msb_snapshot_handle>>(
      inputs.at(2, "control"),
      [client = inputs.at(0, "client").handle<msb_client>(), ref = inputs.at(1, "nameOrDigest").text()](
          const msb_call* call, Owned<msb_snapshot_handle>& out, msb_error** error) {
        return msb_snapshot_get(client.get(), ref.c_str(), call, out.out(), error);
      },
      live_handle_object);
}

Napi::Value snapshot_list(const Napi::CallbackInfo& info) {
  Inputs inputs(info);
  return start<Owned<msb_snapshot_handle_list>>(
      inputs.at(1, "control"),
      [client = inputs.at(0, "client").handle<msb_client>()](const msb_call* call, Owned<msb_snapshot_handle_list>& out,
                                                             msb_error** error) {
        return msb_snapshot_index_list(client.get(), nullptr, call, out.out(), error);
      },
      handle_objects);
}

Napi::Value snapshot_list_dir(const Napi::CallbackInfo& info) {
  Inputs inputs(info);
  return start<Owned<msb_snapshot_list>>(
      inputs.at(2, "control"),
      [client = inputs.at(0, "client").handle<msb_client>(), dir = inputs.at(1, "dir").text()](
          const msb_call* call, Owned<msb_snapshot_list>& out, msb_error** error) {
        return msb_snapshot_dir_list(client.get(), dir.c_str(), call, out.out(), error);
      },
      snapshot_objects);
}

Napi::Value snapshot_remove(const Napi::CallbackInfo& info) {
  Inputs inputs(info);
  return start(inputs.at(3, "control"),
               [client = inputs.at(0, "client").handle<msb_client>(), ref = inputs.at(1, "pathOrName").text(),
                force = inputs.at(2, "force").flag()](const msb_call* call, msb_error** error) {
                 return msb_snapshot_remove(client.get(), ref.c_str(), force, call, error);
               });
}

Napi::Value snapshot_reindex(const Napi::CallbackInfo& info) {
  Inputs inputs(info);
  return start<uint32_t>(
      inputs.at(2, "control"),
      [client = inputs.at(0, "client").handle<msb_client>(), dir = inputs.at(1, "dir").optional_text()](
          const msb_call* call, uint32_t& indexed, msb_error** error) {
        return msb_snapshot_reindex(client.get(), c_str(dir), call, &indexed, error);
      },
      [](Napi::Env env, uint32_t& indexed) { return Napi::Number::New(env, indexed); });
}

Napi::Value snapshot_verify(const Napi::CallbackInfo& info) {
  Inputs inputs(info);
  return start<Owned<msb_verify_report>>(
      inputs.at(2, "control"),
      [client = inputs.at(0, "client").handle<msb_client>(),
       snapshot = inputs.at(1, "snapshot").handle<msb_snapshot>()](const msb_call* call, Owned<msb_verify_report>& out,
                                                                   msb_error** error) {
        return msb_snapshot_verify(client.get(), snapshot.get(), call, out.out(), error);
      },
      report_object);
}

Napi::Value snapshot_handle_open(const Napi::CallbackInfo& info) {
  Inputs inputs(info);
  return start<Owned<msb_snapshot>>(
      inputs.at(2, "control"),
      [client = inputs.at(0, "client").handle<msb_client>(),
       handle = inputs.at(1, "snapshot").handle<msb_snapshot_handle>()](const msb_call* call, Owned<msb_snapshot>& out,
                                                                        msb_error** error) {
        return msb_snapshot_handle_open(client.get(), handle.get(), call, out.out(), error);
      },
      snapshot_object);
}

Napi::Value snapshot_handle_remove(const Napi::CallbackInfo& info) {
  Inputs inputs(info);
  return start(inputs.at(3, "control"),
               [client = inputs.at(0, "client").handle<msb_client>(),
                handle = inputs.at(1, "snapshot").handle<msb_snapshot_handle>(),
                force = inputs.at(2, "force").flag()](const msb_call* call, msb_error** error) {
                 return msb_snapshot_handle_remove(client.get(), handle.get(), force, call, error);
               });
}

Napi::Value snapshot_export(const Napi::CallbackInfo& info) {
  Inputs inputs(info);
  const Input opts = inputs.at(3, "options");
  return start(inputs.at(4, "control"),
               [client = inputs.at(0, "client").handle<msb_client>(), ref = inputs.at(1, "nameOrPath").text(),
                out = inputs.at(2, "out").text(), with_parents = opts["withParents"].flag(),
                with_image = opts["withImage"].flag(),
                plain_tar = opts["plainTar"].flag()](const msb_call* call, msb_error** error) {
                 msb_snapshot_export_opts write = MSB_SNAPSHOT_EXPORT_OPTS_INIT;
                 write.with_parents = with_parents;
                 write.with_image = with_image;
                 write.plain_tar = plain_tar;
                 return msb_snapshot_export(client.get(), ref.c_str(), out.c_str(), &write, call, error);
               });
}

Napi::Value snapshot_import(const Napi::CallbackInfo& info) {
  Inputs inputs(info);
  return start<Owned<msb_snapshot_handle>>(
      inputs.at(3, "control"),
      [client = inputs.at(0, "client").handle<msb_client>(), archive = inputs.at(1, "archive").text(),
       dest = inputs.at(2, "dest").optional_text()](const msb_call* call, Owned<msb_snapshot_handle>& out,
                                                    msb_error** error) {
        msb_snapshot_import_opts read = MSB_SNAPSHOT_IMPORT_OPTS_INIT;
        read.dest = c_str(dest);
        return msb_snapshot_import(client.get(), archive.c_str(), &read, call, out.out(), error);
      },
      live_handle_object);
}

}  // namespace

void export_snapshot(Napi::Env env, Napi::Object exports) {
  export_function<snapshot_create>(env, exports, "snapshotCreate");
  export_function<snapshot_convert>(env, exports, "snapshotConvert");
  export_function<snapshot_open>(env, exports, "snapshotOpen");
  export_function<snapshot_get>(env, exports, "snapshotGet");
  export_function<snapshot_list>(env, exports, "snapshotList");
  export_function<snapshot_list_dir>(env, exports, "snapshotListDir");
  export_function<snapshot_remove>(env, exports, "snapshotRemove");
  export_function<snapshot_reindex>(env, exports, "snapshotReindex");
  export_function<snapshot_verify>(env, exports, "snapshotVerify");
  export_function<snapshot_handle_open>(env, exports, "snapshotHandleOpen");
  export_function<snapshot_handle_remove>(env, exports, "snapshotHandleRemove");
  export_function<snapshot_export>(env, exports, "snapshotExport");
  export_function<snapshot_import>(env, exports, "snapshotImport");
}

}  // namespace msb_node
