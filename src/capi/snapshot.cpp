#include "capi/snapshot.h"

#include "base/time.h"
#include "capi/buffer.h"
#include "capi/client.h"
#include "capi/structs.h"
#include "snapshot/capture.h"
#include "snapshot/convert.h"
#include "snapshot/directory.h"
#include "snapshot/indexing.h"
#include "snapshot/query.h"
#include "snapshot/reference.h"
#include "snapshot/remove.h"

namespace {

using msb::Result;

/// An algorithm that the caller insists on.
Result<std::optional<msb::snapshot::Algorithm>> read_choice(uint32_t algorithm) {
  if (algorithm == MSB_INTEGRITY_DEFAULT) return std::optional<msb::snapshot::Algorithm>();
  MSB_TRY(const auto known, msb::capi::read_algorithm(algorithm));
  return std::optional(known);
}

Result<msb::snapshot::ConvertRequest> read_convert(const msb_snapshot_convert_opts& opts) {
  using namespace msb;
  snapshot::ConvertRequest request;
  if (opts.form > MSB_GENERATION_DESCRIPTOR) {
    return Error(Status::invalid_argument, "unknown form " + std::to_string(opts.form));
  }
  if (opts.form == MSB_GENERATION_MANIFEST) request.form = snapshot::Form::manifest;
  if (opts.form == MSB_GENERATION_DESCRIPTOR) request.form = snapshot::Form::snapshot;
  MSB_TRY(request.place.name, capi::read_text(opts.name, "name"));
  request.place.path = capi::read_path(opts.path);
  request.place.dest_dir = capi::read_path(opts.dest_dir);
  request.force = opts.force;
  request.record_integrity = opts.record_integrity;
  if (opts.record_integrity) {
    MSB_TRY(request.algorithm, read_choice(opts.integrity_algorithm));
  }
  request.drop_parent = opts.drop_parent;
  return request;
}

Result<msb::snapshot::CreateRequest> read_create(const msb_snapshot_create_opts& opts) {
  using namespace msb;
  snapshot::CreateRequest request;
  MSB_TRY(request.name, capi::read_text(opts.name, "name"));
  request.path = capi::read_path(opts.path);
  request.dest_dir = capi::read_path(opts.dest_dir);
  MSB_TRY(request.labels, capi::read_labels(opts.labels, opts.label_count));
  request.force = opts.force;
  request.record_integrity = opts.record_integrity;
  if (opts.record_integrity) {
    MSB_TRY(request.integrity, read_choice(opts.integrity_algorithm));
  }
  MSB_TRY(request.parent, capi::read_text(opts.parent, "parent"));
  return request;
}

Result<msb::snapshot::ListOptions> read_list(const msb_snapshot_list_opts& opts) {
  msb::snapshot::ListOptions options;
  MSB_TRY(options.labels, msb::capi::read_label_filter(opts.labels, opts.label_count));
  if (opts.sort > MSB_SNAPSHOT_SORT_SIZE) {
    return msb::Error(msb::Status::invalid_argument, "unknown order " + std::to_string(opts.sort));
  }
  options.sort = static_cast<msb::snapshot::Sort>(opts.sort);
  options.reverse = opts.reverse;
  options.offset = opts.offset;
  options.limit = opts.limit;
  return options;
}

}  // namespace

msb_snapshot::msb_snapshot(msb::snapshot::Artifact a)
    : Object(kKind),
      artifact(std::move(a)),
      digest(artifact.digest.text()),
      labels(msb::capi::c_labels(artifact.descriptor.labels)) {}

extern "C" {

msb_status msb_snapshot_create(msb_client* client, const char* source_sandbox, const msb_snapshot_create_opts* opts,
                               const msb_call* call, msb_snapshot** out, msb_error** err) {
  using namespace msb;
  const auto work = [&]() -> Result<msb_snapshot*> {
    MSB_TRY(const auto session, capi::Session::begin(client, call));
    MSB_TRY(const auto copied, capi::copy_opts(opts));
    MSB_TRY(const auto source, capi::need_text(source_sandbox, "source_sandbox"));
    MSB_TRY(const auto request, read_create(copied));
    MSB_TRY(const auto* context, session->client().context_to_change(session->call()));
    MSB_TRY(auto made, snapshot::capture(*context, std::string(source), request, session->call()));
    capi::complete(session->call());
    return new msb_snapshot(std::move(made));
  };
  return capi::guard(out, err, work, true);
}

msb_status msb_snapshot_convert(msb_client* client, const char* ref, const msb_snapshot_convert_opts* opts,
                                const msb_call* call, msb_snapshot** out, msb_error** err) {
  using namespace msb;
  const auto work = [&]() -> Result<msb_snapshot*> {
    MSB_TRY(const auto session, capi::Session::begin(client, call));
    MSB_TRY(const auto copied, capi::copy_opts(opts));
    MSB_TRY(const std::string text, capi::need_path(ref, "ref"));
    MSB_TRY(const auto request, read_convert(copied));
    MSB_TRY(const auto* context, session->client().context_for_files());
    MSB_TRY(auto made, snapshot::convert(*context, text, request, session->call()));
    capi::complete(session->call());
    return new msb_snapshot(std::move(made));
  };
  return capi::guard(out, err, work, true);
}

msb_status msb_snapshot_open(msb_client* client, const char* ref, const msb_call* call, msb_snapshot** out,
                             msb_error** err) {
  using namespace msb;
  return capi::guard(out, err, [&]() -> Result<msb_snapshot*> {
    MSB_TRY(const auto session, capi::Session::begin(client, call));
    MSB_TRY(const std::string text, capi::need_path(ref, "ref"));
    MSB_TRY(auto artifact, snapshot::open(session->client().context(), text, session->call()));
    return new msb_snapshot(std::move(artifact));
  });
}

msb_status msb_snapshot_get(msb_client* client, const char* ref, const msb_call* call, msb_snapshot_handle** out,
                            msb_error** err) {
  using namespace msb;
  return capi::guard(out, err, [&]() -> Result<msb_snapshot_handle*> {
    MSB_TRY(const auto session, capi::Session::begin(client, call));
    MSB_TRY(const std::string text, capi::need_path(ref, "ref"));
    MSB_TRY(auto row, snapshot::get(session->client().context(), text, session->call()));
    return new msb_snapshot_handle(std::move(row));
  });
}

msb_status msb_snapshot_handle_open(msb_client* client, const msb_snapshot_handle* handle, const msb_call* call,
                                    msb_snapshot** out, msb_error** err) {
  using namespace msb;
  return capi::guard(out, err, [&]() -> Result<msb_snapshot*> {
    MSB_TRY(const auto session, capi::Session::begin(client, call));
    MSB_TRY(const auto* row, capi::use(handle));
    MSB_TRY(auto artifact, snapshot::open_artifact(session->client().context().fs, row->row.artifact_path));
    return new msb_snapshot(std::move(artifact));
  });
}

msb_status msb_snapshot_index_list(msb_client* client, const msb_snapshot_list_opts* opts, const msb_call* call,
                                   msb_snapshot_handle_list** out, msb_error** err) {
  using namespace msb;
  return capi::guard(out, err, [&]() -> Result<msb_snapshot_handle_list*> {
    MSB_TRY(const auto session, capi::Session::begin(client, call));
    MSB_TRY(const auto copied, capi::copy_opts(opts));
    MSB_TRY(const auto options, read_list(copied));
    MSB_TRY(auto rows, snapshot::list(session->client().context(), options, session->call()));
    return new msb_snapshot_handle_list(std::move(rows));
  });
}

msb_status msb_snapshot_dir_list(msb_client* client, const char* dir, const msb_call* call, msb_snapshot_list** out,
                                 msb_error** err) {
  using namespace msb;
  return capi::guard(out, err, [&]() -> Result<msb_snapshot_list*> {
    MSB_TRY(const auto session, capi::Session::begin(client, call));
    MSB_TRY(auto artifacts,
            snapshot::list_directory(session->client().context(), capi::read_path(dir), session->call()));
    return new msb_snapshot_list(std::move(artifacts));
  });
}

msb_status msb_snapshot_remove(msb_client* client, const char* ref, bool force, const msb_call* call, msb_error** err) {
  using namespace msb;
  return capi::guard(err, [&]() -> Done {
    MSB_TRY(const auto session, capi::Session::begin(client, call));
    MSB_TRY(const std::string text, capi::need_path(ref, "ref"));
    MSB_TRY(const auto* context, session->client().context_to_change(session->call()));
    MSB_CHECK(snapshot::remove(*context, text, force, session->call()));
    capi::complete(session->call());
    return {};
  });
}

msb_status msb_snapshot_handle_remove(msb_client* client, const msb_snapshot_handle* handle, bool force,
                                      const msb_call* call, msb_error** err) {
  using namespace msb;
  return capi::guard(err, [&]() -> Done {
    MSB_TRY(const auto session, capi::Session::begin(client, call));
    MSB_TRY(const auto* row, capi::use(handle));
    MSB_TRY(const auto* context, session->client().context_to_change(session->call()));
    MSB_CHECK(snapshot::remove_at(*context, row->row.artifact_path, row->row.digest, force, session->call()));
    capi::complete(session->call());
    return {};
  });
}

msb_status msb_snapshot_reindex(msb_client* client, const char* dir, const msb_call* call, uint32_t* indexed,
                                msb_error** err) {
  using namespace msb;
  return capi::guard(err, [&]() -> Done {
    MSB_TRY(const auto session, capi::Session::begin(client, call));
    MSB_TRY(const auto* context, session->client().context_to_change(session->call()));
    MSB_TRY(const auto done, snapshot::reindex(*context, capi::read_path(dir), session->call()));
    capi::complete(session->call());
    if (indexed != nullptr) *indexed = done.indexed;
    return {};
  });
}

bool msb_snapshot_read(const msb_snapshot* snapshot, msb_snapshot_info* out) {
  using msb::capi::c_str_or_null;
  if (snapshot == nullptr) return false;
  const msb::snapshot::Artifact& artifact = snapshot->artifact;
  const msb::snapshot::Descriptor& descriptor = artifact.descriptor;
  msb_snapshot_info info{};
  info.path = artifact.path.c_str();
  info.digest = snapshot->digest.c_str();
  info.size_bytes = descriptor.upper_size;
  info.image_ref = descriptor.image_ref.c_str();
  info.image_digest = descriptor.image_digest.c_str();
  info.format = descriptor.format.c_str();
  info.fstype = descriptor.fstype.c_str();
  info.parent = c_str_or_null(descriptor.parent);
  info.created_at = descriptor.created_at.c_str();
  info.created_at_ns = msb::capi::time_or_unknown(msb::parse_time(descriptor.created_at));
  info.source_sandbox = c_str_or_null(descriptor.source_sandbox);
  info.labels = msb::capi::data_or_null(snapshot->labels);
  info.label_count = snapshot->labels.size();
  if (descriptor.integrity) {
    info.integrity_algorithm = descriptor.integrity->algorithm.c_str();
    info.integrity_digest = descriptor.integrity->digest.c_str();
  }
  info.allocated_bytes = artifact.allocated_bytes;
  return msb::capi::fill(out, info);
}

msb_status msb_snapshot_descriptor(const msb_snapshot* snapshot, msb_buffer** out, msb_error** err) {
  using namespace msb;
  return capi::guard(out, err, [&]() -> Result<msb_buffer*> {
    MSB_TRY(const auto* object, capi::use(snapshot));
    return new msb_buffer(snapshot::canonical_bytes(object->artifact.descriptor));
  });
}

size_t msb_snapshot_list_count(const msb_snapshot_list* list) { return msb::capi::count_of(list); }

const msb_snapshot* msb_snapshot_list_at(const msb_snapshot_list* list, size_t index) {
  return msb::capi::item_at(list, index);
}

bool msb_snapshot_handle_read(const msb_snapshot_handle* handle, msb_snapshot_handle_info* out) {
  using msb::capi::c_str_or_null;
  if (handle == nullptr) return false;
  const msb::index::SnapshotRow& row = handle->row;
  msb_snapshot_handle_info info{};
  info.digest = row.digest.c_str();
  info.name = c_str_or_null(row.name);
  info.parent = c_str_or_null(row.parent_digest);
  info.image_ref = row.image_reference.c_str();
  info.image_digest = row.image_manifest_digest.c_str();
  info.format = c_str_or_null(row.format);
  info.path = row.artifact_path.c_str();
  info.has_size_bytes = row.size.has_value();
  info.size_bytes = row.size.value_or(0);
  info.created_at_ns = msb::capi::time_or_unknown(row.created_at);
  info.child_count = static_cast<uint32_t>(row.child_count);
  return msb::capi::fill(out, info);
}

size_t msb_snapshot_handle_list_count(const msb_snapshot_handle_list* list) { return msb::capi::count_of(list); }

const msb_snapshot_handle* msb_snapshot_handle_list_at(const msb_snapshot_handle_list* list, size_t index) {
  return msb::capi::item_at(list, index);
}

}  // extern "C"
