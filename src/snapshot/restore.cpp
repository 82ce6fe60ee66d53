#include "snapshot/restore.h"

#include "snapshot/group.h"
#include "snapshot/layers.h"
#include "snapshot/reference.h"

namespace msb::snapshot {
namespace {

Error unsupported(const Artifact& artifact, const std::string& why) {
  return Error(Status::unsupported, "no sandbox can be made from " + artifact.path + ": " + why)
      .with("path", artifact.path);
}

}  // namespace

Done check_restorable(const Artifact& artifact) {
  const Descriptor& descriptor = artifact.descriptor;
  if (descriptor.checkpoint) return unsupported(artifact, "it is a checkpoint of a machine");
  for (const std::string& requirement : descriptor.requirements) {
    if (requirement == kRestoreDefaults && recorded_user(descriptor)) continue;
    return unsupported(artifact, "it requires " + requirement + ", which this library lacks");
  }
  if ((descriptor.format != "raw" && !is_layered(descriptor)) || descriptor.fstype != "ext4") {
    return unsupported(artifact, "its disk is " + descriptor.format + " with " + descriptor.fstype + ", not raw ext4");
  }
  return {};
}

Result<sandbox::Sandbox> restore(const Context& context, const std::string& ref, const std::string& name,
                                 sandbox::CreateRequest request, const Call& call) {
  if (request.image || request.origin) {
    return Error(Status::invalid_argument, "a sandbox is made either from an image or from a snapshot");
  }
  MSB_TRY(const Artifact artifact, open(context, ref, call));
  MSB_CHECK(check_restorable(artifact));
  request.origin = sandbox::Origin{.digest = artifact.digest.text(),
                                   .image_ref = artifact.descriptor.image_ref,
                                   .image_digest = artifact.descriptor.image_digest,
                                   .upper_path = artifact.upper_path(),
                                   .fill = {},
                                   .fstype = artifact.descriptor.fstype,
                                   .upper_size = artifact.descriptor.upper_size,
                                   .user = recorded_user(artifact.descriptor)};
  if (is_layered(artifact.descriptor)) {
    request.origin->fill = [&](const os::File& disk) { return flatten(context, artifact, disk, name, call); };
  }
  return sandbox::create(context, name, request, call);
}

}  // namespace msb::snapshot
