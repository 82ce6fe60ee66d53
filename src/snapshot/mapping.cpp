#include "snapshot/mapping.h"

#include "snapshot/descriptor_fields.h"
#include "snapshot/group.h"
#include "snapshot/integrity.h"
#include "snapshot/timestamp.h"

namespace msb::snapshot {
namespace {

Error untranslatable(const std::string& what) { return Error(Status::snapshot_migration, what); }

Result<std::optional<Integrity>> translated_integrity(const Descriptor& manifest) {
  if (!manifest.integrity) return std::optional<Integrity>();
  const auto algorithm = find_algorithm(manifest.integrity->algorithm);
  if (!algorithm) return untranslatable("the digest of its disk is of an unknown kind");
  const auto digest = Digest::parse(manifest.integrity->digest);
  const std::string_view hash = *algorithm == Algorithm::merkle ? "blake3" : "sha256";
  if (!digest || digest->algorithm() != hash) return untranslatable("the digest of its disk is malformed");
  return std::optional(make_integrity(*algorithm, *digest, manifest.upper_size));
}

/// Of a member of a group. What microsandbox 0.7 itself has made of a `snapshot.json` becomes what it was (§14.3). The
/// recorded user is required no more: who does not know it goes by the image, as with all other snapshots.
Descriptor projected(const Descriptor& member, std::optional<std::string> parent) {
  Descriptor descriptor = member;
  descriptor.form = Form::snapshot;
  descriptor.membership.reset();
  descriptor.parent = std::move(parent);
  descriptor.created_at = normalize_timestamp(member.created_at).value_or(member.created_at);
  descriptor.upper_file = Descriptor().upper_file;
  descriptor.format = Descriptor().format;  // layers become one disk
  if (recorded_user(member)) std::erase(descriptor.requirements, kRestoreDefaults);
  return descriptor;
}

bool is_restore_defaults(const json::Member& extension) { return extension.name == kRestoreDefaults; }

Result<Descriptor> reverted(Descriptor descriptor, std::optional<std::string> parent) {
  if (descriptor.checkpoint || descriptor.scope != "disk") return untranslatable("it is more than a disk");
  if (descriptor.format != "raw" || descriptor.fstype != "ext4") return untranslatable("its disk is not raw ext4");
  if (recorded_user(descriptor)) std::erase_if(descriptor.extensions, is_restore_defaults);
  if (!descriptor.extensions.empty() || !descriptor.requirements.empty()) {
    return untranslatable("a manifest.json has no place for its extensions");
  }
  descriptor.form = Form::manifest;
  descriptor.parent = std::move(parent);
  if (descriptor.integrity)
    descriptor.integrity = Integrity{descriptor.integrity->algorithm, descriptor.integrity->digest};
  return descriptor;
}

}  // namespace

Result<Descriptor> translated(const Descriptor& manifest, std::optional<std::string> parent) {
  if (manifest.format != "raw" || manifest.fstype != "ext4") return untranslatable("its disk is not raw ext4");
  if (!is_strict_digest(manifest.image_digest)) return untranslatable("it names no image by digest");
  if (parent && !is_strict_digest(*parent)) return untranslatable("its parent is no digest of a snapshot");
  const auto created = normalize_timestamp(manifest.created_at);
  if (!created) return untranslatable("its time is not in RFC 3339");
  Descriptor descriptor = manifest;
  descriptor.form = Form::snapshot;
  descriptor.parent = std::move(parent);
  descriptor.created_at = *created;
  MSB_TRY(descriptor.integrity, translated_integrity(manifest));
  return descriptor;
}

Result<Descriptor> in_form(const Descriptor& descriptor, Form form, std::optional<std::string> parent) {
  if (descriptor.form == Form::manifest) return translated(descriptor, std::move(parent));
  if (form == Form::snapshot) return projected(descriptor, std::move(parent));
  return reverted(descriptor.membership ? projected(descriptor, std::nullopt) : descriptor, std::move(parent));
}

}  // namespace msb::snapshot
