// Content held against digests: of a snapshot's disk, and of any file.
#include <thread>

#include "capi/buffer.h"
#include "capi/client.h"
#include "capi/snapshot.h"
#include "capi/structs.h"
#include "snapshot/hash_file.h"
#include "snapshot/verify.h"

struct msb_verify_report final : msb::capi::Object {
  static constexpr msb_handle_kind kKind = MSB_KIND_VERIFY_REPORT;
  explicit msb_verify_report(msb::snapshot::VerifyReport r)
      : Object(kKind), report(std::move(r)), digest(report.digest.text()) {}

  const msb::snapshot::VerifyReport report;
  const std::string digest;
};

namespace msb::capi {

Result<snapshot::Algorithm> read_algorithm(uint32_t value) {
  if (value == MSB_INTEGRITY_DEFAULT) return snapshot::Algorithm::merkle;
  if (value > MSB_INTEGRITY_SHA256) {
    return Error(Status::invalid_argument, "unknown integrity algorithm " + std::to_string(value));
  }
  return static_cast<snapshot::Algorithm>(value);
}

}  // namespace msb::capi

extern "C" {

msb_status msb_digest_of_file(const char* path, uint32_t algorithm, const msb_call* call, msb_buffer** out,
                              msb_error** err) {
  using namespace msb;
  return capi::guard(out, err, [&]() -> Result<msb_buffer*> {
    std::optional<Call> storage;
    MSB_TRY(const Call* const read, capi::read_call(call, storage));
    MSB_TRY(const std::string text, capi::need_path(path, "path"));
    MSB_TRY(const auto known, capi::read_algorithm(algorithm));
    const unsigned threads = std::max(1U, std::thread::hardware_concurrency());
    MSB_TRY(const auto digest, snapshot::hash_path(os::real_fs(), text, known, threads, *read));
    capi::complete(*read);
    return new msb_buffer(digest.text());
  });
}

msb_status msb_snapshot_verify(msb_client* client, const msb_snapshot* snapshot, const msb_call* call,
                               msb_verify_report** out, msb_error** err) {
  using namespace msb;
  return capi::guard(out, err, [&]() -> Result<msb_verify_report*> {
    MSB_TRY(const auto session, capi::Session::begin(client, call));
    MSB_TRY(const auto* object, capi::use(snapshot));
    const auto& context = session->client().context();
    MSB_TRY(auto report, snapshot::verify(context.fs, object->artifact, context.threads, session->call()));
    capi::complete(session->call());
    return new msb_verify_report(std::move(report));
  });
}

bool msb_verify_report_read(const msb_verify_report* report, msb_verify_report_info* out) {
  if (report == nullptr) return false;
  const auto& upper = report->report.upper;
  msb_verify_report_info info{};
  info.digest = report->digest.c_str();
  info.path = report->report.path.c_str();
  info.upper_kind = upper ? MSB_UPPER_VERIFIED : MSB_UPPER_NOT_RECORDED;
  if (upper) {
    info.upper_algorithm = upper->algorithm.c_str();
    info.upper_digest = upper->digest.c_str();
  }
  return msb::capi::fill(out, info);
}

}  // extern "C"
