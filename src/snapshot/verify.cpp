#include "snapshot/verify.h"

#include "os/stamp.h"
#include "snapshot/group.h"
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

/// Holds a disk or a layer against its record.
Done verify_file(os::Fs& fs, const std::string& path, const Integrity& record, std::optional<uint64_t> size,
                 unsigned threads, const Call& call) {
  const auto algorithm = find_algorithm(record.algorithm);
  if (!algorithm) {
    return Error(Status::unsupported, "the disk " + path + " is recorded with the algorithm " + record.algorithm +
                                          ", which this release does not know")
        .with("path", path);
  }
  MSB_TRY(const os::File upper, os::File::open_regular(fs, AT_FDCWD, path));
  MSB_TRY(const os::Stamp before, os::Stamp::of(upper));
  auto digest = hash_as(upper, *algorithm, record, threads, call);
  MSB_CHECK(call.check());
  const auto after = os::Stamp::of(fs, path);
  if ((size && before.size != *size) || !after || *after != before) {
    return Error(Status::snapshot_integrity, "the disk changed while it was verified: " + path).with("path", path);
  }
  MSB_TRY(const Digest actual, std::move(digest));
  if (actual.text() != record.digest) return mismatch("the disk", path, record.digest, actual.text());
  return {};
}

/// The record of the uppermost layer, when all of them have one.
Result<std::optional<Integrity>> verify_layers(os::Fs& fs, const Artifact& artifact, unsigned threads,
                                               const Call& call) {
  bool all = true;
  std::optional<Integrity> last;
  for (const Layer& layer : artifact.descriptor.membership->layers) {
    last = layer.integrity;
    all = all && last;
    if (!last) continue;
    const std::string path = os::join_path(artifact.path, layer_file(layer));
    MSB_CHECK(verify_file(fs, path, *last, std::nullopt, threads, call));
  }
  return all ? last : std::nullopt;
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
  if (is_layered(present.descriptor)) {
    MSB_TRY(report.upper, verify_layers(fs, present, threads, call));
    return report;
  }
  if (!report.upper) {
    MSB_TRY(report.upper, read_sidecar(fs, present));
  }
  if (report.upper) {
    MSB_CHECK(verify_file(fs, present.upper_path(), *report.upper, present.descriptor.upper_size, threads, call));
  }
  return report;
}

}  // namespace msb::snapshot
