#include "snapshot/archive_list.h"

#include "snapshot/archive_contents.h"
#include "snapshot/archive_source.h"

namespace msb::snapshot {

Result<std::vector<std::string>> list_archive(const Context& context, const std::string& path, const Call& call) {
  MSB_TRY(const auto source, ArchiveSource::open(context.fs, path, -1, call));
  return list_members(*source, {}, call);
}

Result<std::vector<std::string>> list_members(ByteSource& source, const ArchiveLimits& limits, const Call& call) {
  MSB_TRY(const auto reader, ArchiveReader::open(source, limits, call));
  ArchiveContents contents;
  ArchiveMember member;
  std::vector<std::string> paths;
  for (;;) {
    MSB_CHECK(call.check());
    MSB_TRY(const bool more, reader->next(member));
    if (!more) break;
    paths.push_back(member.path);
    if (member.name.kind == MemberKind::descriptor) {
      MSB_TRY(const std::string text, reader->text(member, kMaxDescriptor));
      MSB_CHECK(contents.add_descriptor(member, text, {}));
    } else if (member.name.kind == MemberKind::labels) {
      MSB_TRY(const std::string text, reader->text(member, kMaxDescriptor));
      MSB_CHECK(contents.add_labels(member, text, {}));
    } else if (member.name.kind == MemberKind::inventory) {
      MSB_TRY(const std::string text, reader->text(member, kMaxInventory));
      MSB_CHECK(contents.add_inventory(text));
    } else {
      MSB_CHECK(contents.add(member, {}));
    }
  }
  MSB_TRY(const auto snapshots, contents.check(Form::snapshot));
  static_cast<void>(snapshots);
  return paths;
}

}  // namespace msb::snapshot
