#include "snapshot/archive_reader.h"

#include <utility>

#include "snapshot/sidecar.h"

namespace msb::snapshot {
namespace {

using archive::TarType;

// One disk; ext4 with blocks of 4096 ends there too.
constexpr uint64_t kMaxSize = uint64_t{16} << 40;
// Of all sparse members. What describes them is in memory: 40 bytes a run.
constexpr uint64_t kMaxRuns = uint64_t{1} << 18;
constexpr uint64_t kHeaders = uint64_t{1} << 30;  // and padding, at most
constexpr uint64_t kBlock = archive::kTarBlock;

archive::TarLimits tar_limits(const ArchiveLimits& limits) {
  archive::TarLimits tar;
  tar.max_entries = limits.max_entries;
  tar.max_file = kMaxSize;
  tar.max_data = UINT64_MAX / 2;
  tar.max_runs = kMaxRuns;
  tar.max_extension = size_t{64} << 10;
  return tar;
}

/// Failures of the modules below, by the name that snapshots have for them.
Error renamed(Error error) {
  return error.status() == Status::image_invalid ? std::move(error).as(Status::snapshot_archive) : std::move(error);
}

bool is_ours_behind_end(const MemberName& name) {
  return name.kind == MemberKind::recipe || (name.kind == MemberKind::file && name.file == kSidecarName);
}

}  // namespace

ArchiveReader::ArchiveReader(std::unique_ptr<archive::InflatedSource> plain, const ArchiveLimits& limits,
                             const Call& call)
    : plain_(std::move(plain)), limits_(limits), tar_(*plain_, nullptr, call, tar_limits(limits)) {}

Result<std::unique_ptr<ArchiveReader>> ArchiveReader::open(ByteSource& source, const ArchiveLimits& limits,
                                                           const Call& call) {
  archive::InflateLimits inflate;
  inflate.max_output = checked_add(limits.max_unpacked_bytes, kHeaders).value_or(UINT64_MAX);
  auto plain = archive::InflatedSource::open(source, inflate);
  if (!plain) return renamed(std::move(plain).error());
  return std::unique_ptr<ArchiveReader>(new ArchiveReader(*std::move(plain), limits, call));
}

Result<bool> ArchiveReader::next(ArchiveMember& member) {
  if (part_ == Part::main) {
    MSB_TRY(const bool more, next_main(member));
    if (more) return true;
  }
  if (part_ == Part::behind_end) {
    MSB_TRY(const bool more, next_behind_end(member));
    if (more) return true;
  }
  return false;
}

Result<bool> ArchiveReader::next_main(ArchiveMember& member) {
  archive::TarEntry entry;
  auto more = tar_.next(entry);
  if (!more) return renamed(std::move(more).error());
  if (*more) {
    MSB_CHECK(describe(entry, member));
    if (member.name.kind == MemberKind::recipe) return bad_member(member.path, "stands before the end mark");
    MSB_CHECK(count(member));
    return true;
  }
  // Two blocks of zeros are the mark; one is as good if nothing follows.
  const uint64_t end = tar_.offset();
  auto lone = tar_.next(entry);
  if (!lone && lone.error().status() != Status::image_invalid) return std::move(lone).error();
  if (!lone || *lone) {
    return Error(Status::snapshot_archive, "a single block of zeros stands at byte " + std::to_string(end - kBlock));
  }
  part_ = Part::behind_end;
  return false;
}

Result<bool> ArchiveReader::next_behind_end(ArchiveMember& member) {
  archive::TarEntry entry;
  auto more = tar_.next(entry);
  if (!more && more.error().status() != Status::image_invalid) return std::move(more).error();
  if (more && *more && describe(entry, member) && is_ours_behind_end(member.name)) {
    MSB_CHECK(count(member));
    member.behind_end = true;
    return true;
  }
  part_ = Part::over;
  // Bytes of others. They are read all the same: a compressed archive says at its end whether it is whole.
  auto finished = tar_.finish();
  if (!finished) return renamed(std::move(finished).error());
  return false;
}

Done ArchiveReader::describe(archive::TarEntry& entry, ArchiveMember& member) {
  if (entry.type != TarType::regular && entry.type != TarType::directory) {
    return bad_member(entry.path, "is neither a file nor a directory");
  }
  member = {};
  MSB_TRY(member.name, parse_member(entry.path, entry.type == TarType::directory));
  member.path = entry.path;
  if (entry.type == TarType::directory && member.path.ends_with('/')) member.path.pop_back();
  member.size = entry.size;
  member.stored = entry.stored;
  if (entry.sparse) {
    member.map = std::move(entry.map);
    member.runs = std::move(entry.runs);
    return check_runs(member);
  }
  if (member.size > 0) member.runs.push_back({0, member.size, 0});
  return {};
}

Done ArchiveReader::check_runs(const ArchiveMember& member) const {
  if (member.map.empty() || member.map[member.map.size() - 2] + member.map.back() != member.size) {
    return bad_member(member.path, "has a sparse map that does not reach its end");
  }
  for (const tree::Run& run : member.runs) {
    if (run.stored % kBlock != 0) return bad_member(member.path, "has a run that does not begin at a block");
  }
  return {};
}

Done ArchiveReader::count(const ArchiveMember& member) {
  const Layout layout = member.name.layout;
  if (layout != Layout::home) {
    // Whether snapshots are by digest or in groups only their descriptors tell.
    if (layout_ != Layout::home && (layout == Layout::legacy) != (layout_ == Layout::legacy)) {
      return bad_member(member.path, "is of another layout than the members before it");
    }
    layout_ = layout;
  }
  if (!seen_.insert(member.path).second) return bad_member(member.path, "is there twice");
  stored_ += member.stored;  // cannot overflow: each is bounded, and so is their number
  if (stored_ <= limits_.max_unpacked_bytes) return {};
  return Error(Status::snapshot_archive, "its members store more than " + std::to_string(limits_.max_unpacked_bytes) +
                                             " bytes; the option max_unpacked_bytes lets in more");
}

Result<Bytes> ArchiveReader::body() {
  auto piece = tar_.body();
  if (!piece) return renamed(std::move(piece).error());
  return piece;
}

Result<std::string> ArchiveReader::text(const ArchiveMember& member, size_t limit) {
  if (member.size > limit || member.stored != member.size) {
    return bad_member(member.path, "is larger than " + std::to_string(limit) + " bytes, or sparse");
  }
  std::string text;
  text.reserve(static_cast<size_t>(member.size));
  for (;;) {
    MSB_TRY(const Bytes piece, body());
    if (piece.empty()) return text;
    text.append(as_text(piece));
  }
}

}  // namespace msb::snapshot
