// Snapshots as archives.
#include "capi/client.h"
#include "capi/snapshot.h"
#include "capi/structs.h"
#include "snapshot/archive_list.h"
#include "snapshot/export.h"
#include "snapshot/import.h"

struct msb_string_list final : msb::capi::Object {
  static constexpr msb_handle_kind kKind = MSB_KIND_STRING_LIST;
  explicit msb_string_list(std::vector<std::string> s) : Object(kKind), strings(std::move(s)) {}

  const std::vector<std::string> strings;
};

namespace {

using msb::Result;

Result<msb::snapshot::ExportRequest> read_export(const char* ref, const char* out_path,
                                                 const msb_snapshot_export_opts& opts) {
  msb::snapshot::ExportRequest request;
  MSB_TRY(request.ref, msb::capi::need_path(ref, "ref"));
  MSB_TRY(request.path, msb::capi::read_file_path(out_path, "out_path"));
  request.fd = msb::capi::output_fd(opts.fd);
  request.with_parents = opts.with_parents;
  request.with_image = opts.with_image;
  request.plain_tar = opts.plain_tar;
  if (opts.compression_level < 0 || opts.compression_level > 19) {
    return msb::Error(msb::Status::invalid_argument, "compression_level is not between 1 and 19");
  }
  request.level = opts.compression_level;
  request.threads = opts.threads;
  if (opts.layout > MSB_ARCHIVE_LAYOUT_CURRENT) {
    return msb::Error(msb::Status::invalid_argument, "unknown archive layout " + std::to_string(opts.layout));
  }
  request.layout = static_cast<msb::snapshot::Layout>(opts.layout);
  return request;
}

Result<msb::snapshot::ImportRequest> read_import(const char* archive_path, const msb_snapshot_import_opts& opts) {
  msb::snapshot::ImportRequest request;
  MSB_TRY(request.path, msb::capi::read_file_path(archive_path, "archive_path"));
  request.fd = opts.fd;
  request.dest = msb::capi::read_path(opts.dest);
  MSB_TRY(request.name, msb::capi::read_text(opts.name, "name"));
  request.skip_verify = opts.skip_verify;
  request.max_unpacked_bytes = opts.max_unpacked_bytes;
  request.max_entries = opts.max_entries;
  return request;
}

}  // namespace

extern "C" {

msb_status msb_snapshot_export(msb_client* client, const char* ref, const char* out_path,
                               const msb_snapshot_export_opts* opts, const msb_call* call, msb_error** err) {
  using namespace msb;
  return capi::guard(err, [&]() -> Done {
    MSB_TRY(const auto session, capi::Session::begin(client, call));
    MSB_TRY(const auto copied, capi::copy_opts(opts));
    MSB_TRY(const auto request, read_export(ref, out_path, copied));
    MSB_CHECK(snapshot::export_archive(session->client().context(), request, session->call()));
    capi::complete(session->call());
    return {};
  });
}

msb_status msb_snapshot_import(msb_client* client, const char* archive_path, const msb_snapshot_import_opts* opts,
                               const msb_call* call, msb_snapshot_handle** out, msb_error** err) {
  using namespace msb;
  const auto work = [&]() -> Result<msb_snapshot_handle*> {
    MSB_TRY(const auto session, capi::Session::begin(client, call));
    MSB_TRY(const auto copied, capi::copy_opts(opts));
    MSB_TRY(const auto request, read_import(archive_path, copied));
    MSB_TRY(const auto* context, session->client().context_to_change(session->call()));
    MSB_TRY(auto row, snapshot::import_archive(*context, request, session->call()));
    capi::complete(session->call());
    return new msb_snapshot_handle(std::move(row));
  };
  return capi::guard(out, err, work, true);
}

msb_status msb_snapshot_archive_list(msb_client* client, const char* archive_path, const msb_call* call,
                                     msb_string_list** out, msb_error** err) {
  using namespace msb;
  return capi::guard(out, err, [&]() -> Result<msb_string_list*> {
    MSB_TRY(const auto session, capi::Session::begin(client, call));
    MSB_TRY(const std::string path, capi::need_path(archive_path, "archive_path"));
    MSB_TRY(auto members, snapshot::list_archive(session->client().context(), path, session->call()));
    return new msb_string_list(std::move(members));
  });
}

size_t msb_string_list_count(const msb_string_list* list) { return list != nullptr ? list->strings.size() : 0; }

const char* msb_string_list_at(const msb_string_list* list, size_t index) {
  return list != nullptr && index < list->strings.size() ? list->strings[index].c_str() : nullptr;
}

}  // extern "C"
