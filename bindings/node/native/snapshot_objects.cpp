#include "snapshot_objects.h"

#include "values.h"

namespace msb_node {
namespace {

Napi::Object row_object(Napi::Env env, const msb_snapshot_handle* handle) {
  msb_snapshot_handle_info info{};
  info.struct_size = sizeof info;
  msb_snapshot_handle_read(handle, &info);
  Napi::Object object = Napi::Object::New(env);
  object["digest"] = text(env, info.digest);
  object["name"] = text(env, info.name);
  object["parentDigest"] = text(env, info.parent);
  object["imageRef"] = text(env, info.image_ref);
  object["format"] = text(env, info.format);
  object["sizeBytes"] = info.has_size_bytes ? big(env, info.size_bytes) : env.Null();
  object["createdAt"] = date(env, info.created_at_ns);
  object["path"] = text(env, info.path);
  return object;
}

}  // namespace

Napi::Object snapshot_object(Napi::Env env, Owned<msb_snapshot>& snapshot) {
  msb_snapshot_info info{};
  info.struct_size = sizeof info;
  msb_snapshot_read(snapshot.get(), &info);
  Napi::Object object = Napi::Object::New(env);
  object["path"] = text(env, info.path);
  object["digest"] = text(env, info.digest);
  object["sizeBytes"] = big(env, info.size_bytes);
  object["imageRef"] = text(env, info.image_ref);
  object["imageManifestDigest"] = text(env, info.image_digest);
  object["format"] = text(env, info.format);
  object["fstype"] = text(env, info.fstype);
  object["parent"] = text(env, info.parent);
  object["createdAt"] = text(env, info.created_at);
  object["labels"] = pairs(env, info.labels, info.label_count);
  object["sourceSandbox"] = text(env, info.source_sandbox);
  object["handle"] = Handle::wrap(env, std::move(snapshot));
  return object;
}

Napi::Array snapshot_objects(Napi::Env env, Owned<msb_snapshot_list>& list) {
  return array(env, msb_snapshot_list_count(list.get()), [&](std::size_t index) {
    auto snapshot = retain(msb_snapshot_list_at(list.get(), index));
    return snapshot_object(env, snapshot);
  });
}

Napi::Object live_handle_object(Napi::Env env, Owned<msb_snapshot_handle>& handle) {
  Napi::Object object = row_object(env, handle.get());
  object["handle"] = Handle::wrap(env, std::move(handle));
  return object;
}

Napi::Array handle_objects(Napi::Env env, Owned<msb_snapshot_handle_list>& list) {
  return array(env, msb_snapshot_handle_list_count(list.get()),
               [&](std::size_t index) { return row_object(env, msb_snapshot_handle_list_at(list.get(), index)); });
}

Napi::Object report_object(Napi::Env env, Owned<msb_verify_report>& report) {
  msb_verify_report_info info{};
  info.struct_size = sizeof info;
  msb_verify_report_read(report.get(), &info);
  Napi::Object upper = Napi::Object::New(env);
  upper["kind"] = info.upper_kind == MSB_UPPER_VERIFIED ? "verified" : "notRecorded";
  if (info.upper_kind == MSB_UPPER_VERIFIED) {
    upper["algorithm"] = text(env, info.upper_algorithm);
    upper["digest"] = text(env, info.upper_digest);
  }
  Napi::Object object = Napi::Object::New(env);
  object["digest"] = text(env, info.digest);
  object["path"] = text(env, info.path);
  object["upper"] = upper;
  return object;
}

}  // namespace msb_node
