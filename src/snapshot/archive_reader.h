#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "archive/inflate.h"
#include "archive/tar_reader.h"
#include "base/call.h"
#include "base/stream.h"
#include "snapshot/archive_member.h"
#include "tree/tree.h"

namespace msb::snapshot {

/// What an archive may ask for.
struct ArchiveLimits {
  uint64_t max_unpacked_bytes = uint64_t{64} << 30;  ///< that members store; holes do not count
  uint64_t max_entries = 10'000;
};

/// A member, as far as its header tells.
struct ArchiveMember {
  MemberName name;
  std::string path;             ///< as the archive spells it, without a trailing slash
  uint64_t size = 0;            ///< with holes
  uint64_t stored = 0;          ///< bytes of content in the archive
  std::vector<uint64_t> map;    ///< of a sparse member, as the archive lists it; empty for a dense one
  std::vector<tree::Run> runs;  ///< where content belongs; one run for a dense member
  bool behind_end = false;      ///< after the end mark, where only we look
};

/// Reads a snapshot archive, compressed or not, in one pass and strictly: the one grammar for everybody who reads one.
/// A tar (archive/tar_reader.h) of which only regular files, sparse ones of GNU's old format and directories are
/// accepted, under the paths of one of the two layouts, each once. The runs of a sparse member begin at multiples of
/// 512 stored bytes and reach its end.
///
/// Behind the end mark, where other programs do not look, there may be a second tar with members of ours: sidecars of
/// legacy archives, and recipes of layers. Anything else there is ignored.
///
/// What is malformed or beyond the limits fails with snapshot_archive and, where one is at fault, the fact `member`.
/// One thread at a time; memory is bounded.
class ArchiveReader {
 public:
  /// Both must outlive the reader.
  static Result<std::unique_ptr<ArchiveReader>> open(ByteSource& source, const ArchiveLimits& limits, const Call& call);

  /// Goes to the next member, passing over what is left of the one before. False at the end; then everything was read,
  /// and what is compressed was whole.
  Result<bool> next(ArchiveMember& member);
  /// The next piece of its content, empty at the end; valid until the next call.
  Result<Bytes> body();
  /// All of its content; snapshot_archive when that is more than `limit` bytes.
  Result<std::string> text(const ArchiveMember& member, size_t limit);

 private:
  enum class Part { main, behind_end, over };

  ArchiveReader(std::unique_ptr<archive::InflatedSource> plain, const ArchiveLimits& limits, const Call& call);
  Result<bool> next_main(ArchiveMember& member);
  Result<bool> next_behind_end(ArchiveMember& member);
  Done describe(archive::TarEntry& entry, ArchiveMember& member);
  Done check_runs(const ArchiveMember& member) const;
  Done count(const ArchiveMember& member);

  std::unique_ptr<archive::InflatedSource> plain_;
  const ArchiveLimits limits_;
  archive::TarReader tar_;
  Part part_ = Part::main;
  Layout layout_ = Layout::home;  // of the members so far
  std::set<std::string> seen_;
  uint64_t stored_ = 0;
};

}  // namespace msb::snapshot
