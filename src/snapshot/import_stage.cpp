#include "snapshot/import_stage.h"

#include <utility>

#include "digest/sha256.h"
#include "oci/cache_record.h"
#include "os/dir.h"
#include "os/handoff.h"
#include "snapshot/disk_stream.h"
#include "snapshot/hash_file.h"
#include "snapshot/layers.h"
#include "snapshot/sidecar.h"

namespace msb::snapshot {
namespace {

constexpr size_t kMaxImageFiles = 300;  // each is an open file
constexpr size_t kMaxDisks = 512;       // each is in an open directory
constexpr uint64_t kFreeRatio = uint64_t{64} << 20;
constexpr uint64_t kMaxRatio = 10'000;  // zstd itself reaches three times as much, with nothing but repetition

/// A disk, or what may turn out to be one.
struct StagedFile {
  std::optional<Algorithm> algorithm;
  std::optional<Digest> digest;
};

struct Directory {
  os::StagedDir dir;
  std::map<std::string, StagedFile> files;
  std::optional<std::string> sidecar;
};

class Staging {
 public:
  Staging(const Context& context, ArchiveSource& source, const StageOptions& options, const Call& call)
      : context_(context), source_(source), options_(options), call_(call), ahead_(source, call, 8) {}

  Result<StagedArchive> run() {
    MSB_TRY(reader_, ArchiveReader::open(ahead_, options_.limits, call_));
    ArchiveMember member;
    for (;;) {
      MSB_CHECK(call_.check());
      MSB_TRY(const bool more, reader_->next(member));
      if (!more) break;
      MSB_CHECK(take(member));
    }
    MSB_TRY(std::vector<ArchivedSnapshot> snapshots, contents_.check(options_.form_of_members));
    for (ArchivedSnapshot& snapshot : snapshots) {
      Directory& directory = directories_.at(snapshot.disks.front().owner);
      MSB_CHECK(complete(snapshot, directory));
      staged_.snapshots.push_back({std::move(snapshot), std::move(directory.dir)});
    }
    return std::move(staged_);
  }

 private:
  Done take(const ArchiveMember& member) {
    switch (member.name.kind) {
      case MemberKind::directory:
      case MemberKind::litter:
        return {};
      case MemberKind::inventory: {
        MSB_TRY(const std::string text, reader_->text(member, kMaxInventory));
        return contents_.add_inventory(text);
      }
      case MemberKind::descriptor:
        return take_descriptor(member);
      case MemberKind::labels:
        return take_labels(member);
      case MemberKind::file:
        return member.name.file == kSidecarName && member.name.layout == Layout::legacy ? take_sidecar(member)
                                                                                        : take_file(member);
      case MemberKind::image_document:
      case MemberKind::fsmeta:
      case MemberKind::vmdk:
      case MemberKind::layer:
      case MemberKind::recipe:
        return take_image_file(member);
    }
    return {};
  }

  Result<Directory*> directory_of(const ArchiveMember& member) {
    const auto found = directories_.find(member.name.owner);
    if (found != directories_.end()) return &found->second;
    if (directories_.size() == kMaxDisks) {
      return bad_member(member.path, "is one of more than " + std::to_string(kMaxDisks) + " disks and layers");
    }
    MSB_TRY(os::StagedDir dir, os::StagedDir::create(context_.fs, options_.directory));
    return &directories_.emplace(member.name.owner, Directory{std::move(dir), {}, {}}).first->second;
  }

  Done take_descriptor(const ArchiveMember& member) {
    MemberDigests digests;
    MSB_TRY(const std::string text, take_text(member, digests));
    MSB_CHECK(contents_.add_descriptor(member, text, std::move(digests)));
    if (member.name.layout == Layout::groups) return {};  // it will be another one
    MSB_TRY(Directory* const directory, directory_of(member));
    return write(*directory, member.name.file, text);
  }

  Done take_labels(const ArchiveMember& member) {
    MemberDigests digests;
    MSB_TRY(const std::string text, take_text(member, digests));
    return contents_.add_labels(member, text, std::move(digests));
  }

  Result<std::string> take_text(const ArchiveMember& member, MemberDigests& digests) {
    MSB_TRY(std::string text, reader_->text(member, kMaxDescriptor));
    digests.sha256 = Digest::sha256_of(as_bytes(text)).text();
    TransportHash transport = transport_hash(member);
    transport.update(as_bytes(text));
    digests.transport = transport.digest();
    return text;
  }

  Done take_sidecar(const ArchiveMember& member) {
    MSB_TRY(std::string text, reader_->text(member, kMaxSidecar));
    // Behind the end mark there may be anything: a sidecar of no snapshot is one of those things.
    const auto found = directories_.find(member.name.owner);
    if (found == directories_.end() && member.behind_end) return {};
    MSB_TRY(Directory* const directory, directory_of(member));
    directory->sidecar = std::move(text);
    return {};
  }

  Done take_file(const ArchiveMember& member) {
    const ArchivedDisk* const disk = contents_.disk_of(member.name.owner);
    // Releases before 0.6.7 archived whole directories; nothing but the disk is of use.
    if (!is_payload_name(member.name.file)) return contents_.add(member, {});
    if (disk != nullptr && disk->file != member.name.file) {
      return member.name.layout == Layout::current ? Done(bad_member(member.path, "is not the disk of its snapshot"))
                                                   : contents_.add(member, {});
    }
    MSB_TRY(Directory* const directory, directory_of(member));
    MSB_TRY(const os::File file, directory->dir.create_file(member.name.file));
    StagedFile staged;
    if (!options_.skip_verify) staged.algorithm = algorithm_for(disk);
    MemberDigests digests;
    MSB_TRY(staged.digest, unpack(member, file, staged.algorithm, digests));
    directory->files[member.name.file] = std::move(staged);
    return contents_.add(member, std::move(digests));
  }

  Done take_image_file(const ArchiveMember& member) {
    if (staged_.image_files.size() == kMaxImageFiles) {
      return bad_member(member.path, "is one of more than " + std::to_string(kMaxImageFiles) + " files of images");
    }
    const bool document = member.name.kind == MemberKind::image_document;
    if (document && member.size > oci::kMaxCacheRecordBytes) return bad_member(member.path, "is too large");
    MSB_CHECK(os::make_dirs(context_.fs, context_.paths.tmp()));
    MSB_TRY(os::File file, os::File::temporary(context_.fs, context_.paths.tmp()));
    MemberDigests digests;
    MSB_TRY(const auto digest, unpack(member, file, Algorithm::sha256, digests));
    if (digest) digests.sha256 = digest->text();
    // fsmeta and VMDK are hashed, and made anew: who could tell what they would attach to a guest.
    const bool derived = member.name.kind == MemberKind::fsmeta || member.name.kind == MemberKind::vmdk;
    if (!derived) staged_.image_files.push_back({member.name.kind, member.name.file, std::move(file)});
    return member.behind_end ? Done() : contents_.add(member, std::move(digests));
  }

  /// What the disk has to be held against, as far as that is known before its descriptor.
  static Algorithm algorithm_for(const ArchivedDisk* disk) {
    if (disk == nullptr || !disk->integrity) return Algorithm::merkle;
    return find_algorithm(disk->integrity->algorithm).value_or(Algorithm::merkle);
  }

  static TransportHash transport_hash(const ArchiveMember& member) {
    return TransportHash(inventory_kind(member.name.kind), member.path, member.stored, member.size, member.map);
  }

  /// Writes a member's content to an empty file. Its digest by `algorithm`, if there is one.
  Result<std::optional<Digest>> unpack(const ArchiveMember& member, const os::File& file,
                                       std::optional<Algorithm> algorithm, MemberDigests& digests) {
    const bool travels = member.name.layout != Layout::legacy && !member.behind_end;
    TransportHash transport = transport_hash(member);
    DiskStream disk(&file, member.size, member.runs, algorithm);
    os::WriteBehind behind(disk, call_);
    for (;;) {
      MSB_TRY(const Bytes piece, reader_->body());
      if (piece.empty()) break;
      MSB_CHECK(behind.write(piece));
      if (travels) transport.update(piece);
      report(member);
    }
    MSB_CHECK(behind.finish());
    MSB_TRY(auto digest, disk.finish());
    if (travels) digests.transport = transport.digest();
    unpacked_ += disk.written();
    if (unpacked_ > kFreeRatio && unpacked_ / kMaxRatio > source_.taken()) {
      return bad_member(member.path,
                        "makes the archive inflate to more than " + std::to_string(kMaxRatio) + " times its size");
    }
    return digest;
  }

  void report(const ArchiveMember& member) {
    Progress progress{.phase = Phase::unpacking, .item = member.path};
    progress.done = source_.taken();
    progress.total = source_.total().value_or(0);
    progress.total_known = source_.total().has_value();
    call_.report(progress);
  }

  /// Holds the disk against what is recorded of it, and leaves just what belongs to an artifact in its directory.
  Done complete(const ArchivedSnapshot& snapshot, Directory& directory) {
    const Descriptor& descriptor = snapshot.descriptor;
    for (const auto& [name, staged] : directory.files) {
      if (name != descriptor.upper_file) MSB_CHECK(remove(directory, name));
    }
    if (snapshot.lost_parent) {
      context_.log.warn("snapshot", snapshot.id + " is imported without its parent " + *snapshot.lost_parent +
                                        ", which is not in the archive");
    }
    const ArchivedDisk& first = snapshot.disks.front();
    if (first.owner != snapshot.owner) {
      MSB_CHECK(write(directory, file_name(descriptor.form), canonical_bytes(descriptor)));
      if (snapshot.disks.size() > 1 || first.format != "raw") MSB_CHECK(join_layers(snapshot, directory));
    }
    std::optional<Integrity> record = descriptor.integrity;
    if (!record && directory.sidecar) {
      MSB_TRY(record, parse_sidecar(*directory.sidecar, descriptor));
    }
    StagedFile& staged = directory.files.at(descriptor.upper_file);
    if (!options_.skip_verify) MSB_CHECK(settle(snapshot, directory, staged, record));
    if (descriptor.integrity || !record) return {};
    return write(directory, kSidecarName, sidecar_bytes(descriptor, *record));
  }

  Done remove(const Directory& directory, const std::string& name) const {
    const int result = context_.fs.unlink(directory.dir.dir().fd(), name.c_str(), 0);
    return result < 0 ? Error::io("remove", os::join_path(directory.dir.dir().path(), name), -result) : Done();
  }

  static Done write(const Directory& directory, std::string_view name, std::string_view text) {
    MSB_TRY(const os::File file, directory.dir.create_file(std::string(name)));
    return file.write_at(as_bytes(text), 0);
  }

  /// Makes the disk of its layers, in the place of the lowest, once each is what was recorded of it.
  Done join_layers(const ArchivedSnapshot& snapshot, Directory& directory) {
    Progress progress{.phase = Phase::copying, .item = snapshot.id, .total_known = true};
    progress.total = snapshot.descriptor.upper_size;
    progress.count = static_cast<uint32_t>(snapshot.disks.size());
    std::optional<os::File> joined;
    for (const ArchivedDisk& disk : snapshot.disks) {
      const Directory& staged = directories_.at(disk.owner);
      MSB_TRY(os::File layer, open_staged(staged, disk.file));
      if (disk.integrity && !options_.skip_verify) {
        MSB_CHECK(compare(disk.path, layer, staged.files.at(disk.file), *disk.integrity));
      }
      if (!joined && disk.format == "raw") {
        joined = std::move(layer);
        continue;
      }
      if (!joined) {
        MSB_CHECK(remove(directory, disk.file));
        MSB_TRY(joined, directory.dir.create_file(disk.file));
      }
      MSB_CHECK(add_layer(context_, layer, disk.format, *joined, snapshot.descriptor.upper_size, progress, call_));
      ++progress.index;
    }
    StagedFile& whole = directory.files.at(snapshot.descriptor.upper_file);
    whole.algorithm = Algorithm::merkle;
    if (options_.skip_verify) return {};
    MSB_TRY(whole.digest, hash_file(*joined, Algorithm::merkle, context_.threads, call_));
    return {};
  }

  Result<os::File> open_staged(const Directory& directory, const std::string& name) const {
    return os::File::open_regular(context_.fs, AT_FDCWD, os::join_path(directory.dir.dir().path(), name), O_RDWR);
  }

  /// Compares with `record`, or makes it.
  Done settle(const ArchivedSnapshot& snapshot, const Directory& directory, StagedFile& staged,
              std::optional<Integrity>& record) {
    const Descriptor& descriptor = snapshot.descriptor;
    if (!record) {
      // Streamed as the descriptor demanded, or before anybody knew it: then as Merkle, which this needs.
      record = make_integrity(Algorithm::merkle, *staged.digest, descriptor.upper_size);
      return {};
    }
    MSB_TRY(const os::File file, open_staged(directory, descriptor.upper_file));
    return compare(snapshot.disks.front().path, file, staged, *record);
  }

  /// Holds a file against its record; `path` is that of the member.
  Done compare(const std::string& path, const os::File& file, const StagedFile& staged, const Integrity& record) {
    const auto algorithm = find_algorithm(record.algorithm);
    if (!algorithm) {
      context_.log.warn("snapshot", "the disk " + path + " is recorded with the algorithm " + record.algorithm +
                                        ", which this release does not know; it was not verified");
      return {};
    }
    Digest digest = *staged.digest;
    if (staged.algorithm != algorithm) {
      MSB_TRY(digest, hash_file(file, *algorithm, context_.threads, call_));
    }
    if (digest.text() == record.digest) return {};
    if (algorithm == Algorithm::sparse) {
      // What releases before 0.5.8 meant: of the extents, which are what is not zero again.
      MSB_TRY(const Digest by_extents, hash_extents(file, call_));
      if (by_extents.text() == record.digest) return {};
    }
    return Error(Status::snapshot_integrity, "the disk " + path + " is not what was recorded: expected " +
                                                 record.digest + ", found " + digest.text())
        .with("member", path)
        .with("expected", record.digest)
        .with("actual", digest.text());
  }

  const Context& context_;
  ArchiveSource& source_;
  const StageOptions& options_;
  const Call& call_;
  os::ReadAhead ahead_;
  std::unique_ptr<ArchiveReader> reader_;
  ArchiveContents contents_;
  std::map<std::string, Directory> directories_;  // by owner
  StagedArchive staged_;
  uint64_t unpacked_ = 0;
};

}  // namespace

Result<StagedArchive> stage_archive(const Context& context, ArchiveSource& source, const StageOptions& options,
                                    const Call& call) {
  return Staging(context, source, options, call).run();
}

}  // namespace msb::snapshot
