#include "snapshot/verify.h"

#include "os/stamp.h"
#include "snapshot/hash_file.h"
#include "snapshot/sidecar.h"

namespace msb::snapshot {
namespace {

Error mismatch(const std::string& what, const std::string& path, const std::string& expected,
               const std::string& actual) {
  return Error(Status::snapshot_integrity,
               what + " of " + path + " is not what was recorded: expected " + expected + ", found " + actual)
      .with("path", path)
      .with("expected", expected)
      .with("actual", actual);
}

/// Digest of the disk, by the meaning of `record` that fits if there are two.
Result<Digest> hash_as(const os::File& upper, Algorithm algorithm, const Integrity& record, unsigned threads,
                       const Call& call) {
  MSB_TRY(Digest digest, hash_file(upper, algorithm, threads, call));
  if (algorithm != Algorithm::sparse || digest.text() == record.digest) return digest;
  MSB_TRY(const Digest by_extents, hash_extents(upper, call));
  return by_extents.text() == record.digest ? by_extents : digest;
}

Done verify_upper(os::Fs& fs, const Artifact& artifact, const Integrity& record, unsigned threads, const Call& call) {
  const std::string path = artifact.upper_path();
  const auto algorithm = find_algorithm(record.algorithm);
  if (!algorithm) {
    return Error(Status::unsupported, "the disk of " + artifact.path + " is recorded with the algorithm " +
                                          record.algorithm + ", which this release does not know")
        .with("path", path);
  }
  MSB_TRY(const os::File upper, os::File::open_regular(fs, AT_FDCWD, path));
  MSB_TRY(const os::Stamp before, os::Stamp::of(upper));
  auto digest = hash_as(upper, *algorithm, record, threads, call);
  MSB_CHECK(call.check());
  const auto after = os::Stamp::of(fs, path);
  if (before.size != artifact.descriptor.upper_size || !after || *after != before) {
    return Error(Status::snapshot_integrity, "the disk changed while it was verified: " + path).with("path", path);
  }
  MSB_TRY(const Digest actual, std::move(digest));
  if (actual.text() != record.digest) return mismatch("the disk", path, record.digest, actual.text());
  return {};
}

}  // namespace

Result<VerifyReport> verify(os::Fs& fs, const Artifact& artifact, unsigned threads, const Call& call) {
  MSB_TRY(const Artifact present, open_artifact(fs, artifact.path));
  if (present.digest != artifact.digest) {
    return mismatch("the descriptor", present.path, artifact.digest.text(), present.digest.text());
  }
  if (present.descriptor.checkpoint) {
    return Error(Status::unsupported, present.path + " is a checkpoint, which has no disk to verify")
        .with("path", present.path);
  }
  VerifyReport report{present.digest, present.path, present.descriptor.integrity};
  if (!report.upper) {
    MSB_TRY(report.upper, read_sidecar(fs, present));
  }
  if (report.upper) MSB_CHECK(verify_upper(fs, present, *report.upper, threads, call));
  return report;
}

}  // namespace msb::snapshot
