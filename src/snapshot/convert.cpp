#include "snapshot/convert.h"

#include "os/dir.h"
#include "snapshot/archive_contents.h"
#include "snapshot/group.h"
#include "snapshot/hash_file.h"
#include "snapshot/layers.h"
#include "snapshot/mapping.h"
#include "snapshot/reference.h"
#include "snapshot/sidecar.h"
#include "snapshot/translate.h"
#include "snapshot/verify.h"

namespace msb::snapshot {
namespace {

class Conversion {
 public:
  /// `only_sparse`: readers of the new form accept no disk without that kind of digest.
  /// `directory` has room for a disk.
  Conversion(const Context& context, Form form, bool only_sparse, std::string directory, const Call& call)
      : context_(context), form_(form), only_sparse_(only_sparse), directory_(std::move(directory)), call_(call) {}

  /// The descriptor of an artifact in the other form, as it is without further wishes.
  Result<Descriptor> convert(const Artifact& artifact, bool drop_parent) {
    MSB_CHECK(call_.check());
    MSB_TRY(const auto original, original_of(artifact));
    if (original && !drop_parent) return *original;
    std::optional<std::string> parent;
    if (!drop_parent) {
      MSB_TRY(parent, name_of_parent(artifact));
    }
    auto converted = in_form(artifact.descriptor, form_, parent);
    if (!converted) return std::move(converted).error().in(artifact.path).with("path", artifact.path);
    const bool sparse = converted->integrity && find_algorithm(converted->integrity->algorithm) == Algorithm::sparse;
    if (form_ == Form::manifest ? is_merkle(artifact.descriptor) : only_sparse_ && !sparse) {
      MSB_TRY(converted->integrity, recomputed(artifact, Algorithm::sparse));
    }
    return converted;
  }

  /// The digest of its disk by another algorithm, once it was found to be what was recorded.
  Result<std::optional<Integrity>> recomputed(const Artifact& artifact, Algorithm algorithm) const {
    MSB_TRY(const VerifyReport report, verify(context_.fs, artifact, context_.threads, call_));
    (void)report;
    MSB_TRY(const Digest digest, hash_disk(artifact, algorithm));
    return std::optional(make_integrity(algorithm, digest, artifact.descriptor.upper_size));
  }

 private:
  Result<Digest> hash_disk(const Artifact& artifact, Algorithm algorithm) const {
    if (!is_layered(artifact.descriptor)) {
      return hash_path(context_.fs, artifact.upper_path(), algorithm, context_.threads, call_);
    }
    MSB_CHECK(os::make_dirs(context_.fs, directory_));
    MSB_TRY(const os::File disk, os::File::temporary(context_.fs, directory_));
    MSB_CHECK(flatten(context_, artifact, disk, artifact.path, call_));
    return hash_file(disk, algorithm, context_.threads, call_);
  }

  static bool is_merkle(const Descriptor& descriptor) {
    return descriptor.integrity && find_algorithm(descriptor.integrity->algorithm) == Algorithm::merkle;
  }

  /// The `manifest.json` that an artifact was translated from, in its place and with its payload: what it says has the
  /// digest that others knew the snapshot by.
  Result<std::optional<Descriptor>> original_of(const Artifact& artifact) const {
    std::optional<Descriptor> none;
    if (form_ != Form::manifest) return none;
    MSB_TRY(const os::File dir, os::open_dir(context_.fs, artifact.path));
    MSB_TRY(const auto text, read_member(dir, kRetiredManifest, kMaxDescriptor));
    if (!text) return none;
    auto manifest = parse_descriptor(*text, Form::manifest);
    if (!manifest || is_merkle(*manifest)) return none;
    const auto again = translated(*manifest, artifact.descriptor.parent);
    if (!again || identity(*again) != artifact.digest) return none;
    return std::optional(*std::move(manifest));
  }

  Result<std::optional<std::string>> name_of_parent(const Artifact& artifact) {
    if (!artifact.descriptor.parent) return std::optional<std::string>();
    if (++generations_ > ArchiveContents::kMaxSnapshots) {
      return Error(Status::unsupported, "the chain of parents of " + artifact.path + " is too long");
    }
    MSB_TRY(const Artifact parent, open_parent(context_, artifact, call_));
    if (parent.descriptor.form == form_) return std::optional(parent.digest.text());
    MSB_TRY(const Descriptor converted, convert(parent, false));
    return std::optional(identity(converted).text());
  }

  const Context& context_;
  const Form form_;
  const bool only_sparse_;
  const std::string directory_;
  const Call& call_;
  size_t generations_ = 0;
};

/// A home that may not be written gets no snapshots either, but other places do.
Done check_place(const Context& context, const Destination& destination, const Call& call) {
  Done writable = context.database.check_writable(call);
  if (writable) return {};
  MSB_TRY(const std::string store, directory_named(context, std::nullopt));
  const bool inside = destination.directory == store || destination.directory.starts_with(store + "/");
  return inside ? std::move(writable) : Done();
}

}  // namespace

Result<Artifact> convert(const Context& context, const std::string& ref, const ConvertRequest& request,
                         const Call& call) {
  MSB_TRY(const Destination destination, find_destination(context, request.place));
  MSB_CHECK(check_place(context, destination, call));
  MSB_CHECK(check_destination(context, destination.path(), request.force));
  MSB_TRY(const HomeForm home, form_of_home(context, call));
  const Form form = request.form.value_or(home.form);
  MSB_TRY(const Artifact source, open(context, ref, call));
  if (source.descriptor.form == form) {
    return Error(Status::invalid_argument, source.path + " has a " + std::string(file_name(form)) + " already")
        .with("path", source.path);
  }
  if (source.descriptor.checkpoint) {
    return Error(Status::unsupported, source.path + " is a checkpoint, which cannot be converted")
        .with("path", source.path);
  }

  const bool only_sparse = form == Form::snapshot && home.only_sparse;
  Conversion conversion(context, form, only_sparse, destination.directory, call);
  MSB_TRY(Descriptor descriptor, conversion.convert(source, request.drop_parent));
  if (request.record_integrity || request.algorithm) {
    const Algorithm usual = form == Form::manifest || only_sparse ? Algorithm::sparse : Algorithm::merkle;
    MSB_TRY(descriptor.integrity, conversion.recomputed(source, request.algorithm.value_or(usual)));
  }

  MSB_CHECK(os::make_dirs(context.fs, destination.directory));
  MSB_TRY(os::StagedDir staged, os::StagedDir::create(context.fs, destination.directory));
  MSB_TRY(const os::File copy, staged.create_file(descriptor.upper_file));
  if (is_layered(source.descriptor)) {
    MSB_CHECK(flatten(context, source, copy, source.path, call));
  } else {
    MSB_TRY(const os::File disk, os::File::open_regular(context.fs, AT_FDCWD, source.upper_path()));
    MSB_TRY(const CopiedDisk copied, copy_disk(context, disk, copy, std::nullopt, source.path, call));
    (void)copied;
  }
  if (!descriptor.integrity) {
    MSB_TRY(const auto record, read_sidecar(context.fs, source));
    if (record) {
      MSB_TRY(const os::File sidecar, staged.create_file(std::string(kSidecarName)));
      MSB_CHECK(sidecar.write_at(as_bytes(sidecar_bytes(descriptor, *record)), 0));
    }
  }
  return publish(context, std::move(staged), destination, std::move(descriptor), request.force, call);
}

}  // namespace msb::snapshot
