#include "snapshot/export.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "archive/tar_writer.h"
#include "digest/sha256.h"
#include "os/dir.h"
#include "os/handoff.h"
#include "os/sparse.h"
#include "os/stamp.h"
#include "snapshot/archive_contents.h"
#include "snapshot/archive_inventory.h"
#include "snapshot/disk_stream.h"
#include "snapshot/export_image.h"
#include "snapshot/export_plan.h"
#include "snapshot/export_sink.h"
#include "snapshot/layers.h"
#include "snapshot/sidecar.h"

namespace msb::snapshot {
namespace {

constexpr int kDefaultLevel = 3;
constexpr int kMaxLevel = 19;
constexpr size_t kStep = size_t{256} << 10;
constexpr uint64_t kBlock = 512;              // runs of sparse members begin and end at multiples of it
constexpr size_t kMaxRuns = size_t{1} << 17;  // of one disk; a reader takes twice as many (archive_reader.cpp)

/// Where a file has data, in blocks of the tar.
Result<std::vector<tree::Run>> find_runs(const os::File& file, uint64_t size, const Call& call) {
  std::vector<tree::Run> runs;
  os::DataExtents extents(file);
  for (uint64_t bridge = 0;;) {
    MSB_TRY(const auto extent, extents.next(call));
    if (!extent || extent->offset >= size) break;
    const uint64_t begin = extent->offset / kBlock * kBlock;
    const uint64_t end = std::min(align_up(extent->offset + extent->length, kBlock), size);
    if (!runs.empty() && begin <= runs.back().logical + runs.back().length + bridge) {
      runs.back().length = end - runs.back().logical;
      continue;
    }
    runs.push_back({begin, end - begin, 0});
    if (runs.size() < kMaxRuns) continue;
    MSB_CHECK(call.check());
    // So scattered that the smaller holes have to be stored.
    while (runs.size() > kMaxRuns / 2) {
      bridge = std::max<uint64_t>(2 * bridge, 4096);
      size_t kept = 0;
      for (size_t i = 1; i < runs.size(); ++i) {
        if (runs[i].logical <= runs[kept].logical + runs[kept].length + bridge) {
          runs[kept].length = runs[i].logical + runs[i].length - runs[kept].logical;
        } else {
          runs[++kept] = runs[i];
        }
      }
      runs.resize(kept + 1);
    }
  }
  uint64_t stored = 0;
  for (tree::Run& run : runs) {
    run.stored = stored;
    stored += run.length;
  }
  return runs;
}

class Exporting {
 public:
  Exporting(const Context& context, const ExportRequest& request, const ExportPlan& plan, ByteSink& out,
            const Call& call)
      : context_(context), request_(request), plan_(plan), tar_(out), call_(call), buffer_(kStep) {}

  Done run(const ExportedImage* image) {
    MSB_CHECK(measure(image));
    for (const ExportedSnapshot& snapshot : plan_.snapshots) {
      MSB_CHECK(add_text(MemberKind::descriptor, descriptor_member(plan_.layout, snapshot.owner),
                         canonical_bytes(snapshot.descriptor), &snapshot));
      MSB_CHECK(add_disk(snapshot));
    }
    if (image != nullptr) {
      for (const ExportedFile& file : image->files) {
        MSB_CHECK(add_image_file(file, image_member(plan_.layout, file.kind, file.name)));
      }
    }
    if (plan_.layout == Layout::current) MSB_CHECK(add_inventory(image != nullptr));
    MSB_CHECK(tar_.finish());
    return add_behind_end(image);
  }

 private:
  Done measure(const ExportedImage* image) {
    progress_.phase = Phase::packing;
    progress_.count = static_cast<uint32_t>(plan_.snapshots.size());
    progress_.total_known = true;
    for (const ExportedSnapshot& snapshot : plan_.snapshots) {
      if (snapshot.layered) {
        progress_.total += snapshot.layered->allocated_bytes;
        continue;
      }
      MSB_TRY(const os::File file, os::File::open_regular(context_.fs, AT_FDCWD, snapshot.disk_path));
      MSB_TRY(const uint64_t bytes, os::data_bytes(file, call_));
      progress_.total += bytes;
    }
    if (image == nullptr) return {};
    for (const auto* const files : {&image->files, &image->recipes}) {
      for (const ExportedFile& file : *files) {
        if (!file.file) continue;
        MSB_TRY(const uint64_t size, file.file.size());
        progress_.total += size;
      }
    }
    return {};
  }

  Done advance(uint64_t bytes) {
    progress_.done += bytes;
    call_.report(progress_);
    return call_.check();
  }

  static archive::TarEntry entry_for(const std::string& path, uint64_t size) {
    archive::TarEntry entry;
    entry.type = archive::TarType::regular;
    entry.path = path;
    entry.mode = 0644;
    entry.size = size;
    return entry;
  }

  Done add_text(MemberKind kind, const std::string& path, const std::string& text, const ExportedSnapshot* owner) {
    MSB_CHECK(tar_.add_file(path, as_bytes(text)));
    TransportHash transport(inventory_kind(kind), path, text.size(), text.size(), {});
    transport.update(as_bytes(text));
    const Integrity content{"sha256", Digest::sha256_of(as_bytes(text)).text(), 0, 0};
    list(kind, path, owner, text.size(), text.size(), content, transport.digest());
    return {};
  }

  void list(MemberKind kind, const std::string& path, const ExportedSnapshot* owner, uint64_t encoded,
            uint64_t apparent, std::optional<Integrity> integrity, std::string transport) {
    InventoryEntry entry;
    entry.path = path;
    if (owner != nullptr) entry.owner = owner->digest.text();
    entry.kind = inventory_kind(kind);
    entry.encoded_size = encoded;
    entry.apparent_size = apparent;
    entry.integrity = std::move(integrity);
    entry.transport = std::move(transport);
    inventory_.entries.push_back(std::move(entry));
  }

  /// A disk of layers is made beside the archive, or for a pipe among temporary files: nothing of it is left.
  Result<os::File> make_disk(const Artifact& layered) {
    const char* const temporary = std::getenv("TMPDIR");
    std::string directory = temporary != nullptr && *temporary != '\0' ? temporary : "/var/tmp";
    if (!request_.path.empty()) {
      MSB_TRY(const std::string path, os::absolute_path(os::expand_home(request_.path)));
      directory = os::parent_path(path);
    }
    MSB_CHECK(os::make_dirs(context_.fs, directory));
    MSB_TRY(os::File disk, os::File::temporary(context_.fs, directory));
    MSB_CHECK(flatten(context_, layered, disk, layered.name(), call_));
    MSB_TRY(const uint64_t bytes, os::data_bytes(disk, call_));
    progress_.total = progress_.total - layered.allocated_bytes + bytes;
    return disk;
  }

  Done add_disk(const ExportedSnapshot& snapshot) {
    progress_.item = snapshot.name;
    if (snapshot.layered) {
      MSB_TRY(const os::File disk, make_disk(*snapshot.layered));
      return add_runs(snapshot, disk);
    }
    MSB_TRY(const os::File file, os::File::open_regular(context_.fs, AT_FDCWD, snapshot.disk_path));
    MSB_TRY(const os::Stamp before, os::Stamp::of(file));
    const uint64_t size = snapshot.descriptor.upper_size;
    if (before.size != size) return damaged(snapshot, std::to_string(size), std::to_string(before.size));
    auto added = add_runs(snapshot, file);
    if (!added && added.error().status() != Status::io) return added;
    const auto after = os::Stamp::of(context_.fs, snapshot.disk_path);
    if (after && *after == before) return added;
    return Error(Status::io, "the disk changed while it was exported: " + snapshot.disk_path)
        .with("path", snapshot.disk_path);
  }

  Done add_runs(const ExportedSnapshot& snapshot, const os::File& file) {
    MSB_TRY(const std::vector<tree::Run> runs, find_runs(file, snapshot.descriptor.upper_size, call_));
    const std::string path = file_member(plan_.layout, snapshot.owner, snapshot.descriptor.upper_file);
    return add_content(snapshot, file, path, runs);
  }

  Done add_content(const ExportedSnapshot& snapshot, const os::File& file, const std::string& path,
                   const std::vector<tree::Run>& runs) {
    const uint64_t size = snapshot.descriptor.upper_size;
    archive::TarEntry entry = entry_for(path, size);
    const uint64_t stored = runs.empty() ? 0 : runs.back().stored + runs.back().length;
    const bool sparse = plan_.sparse && stored != size;
    if (sparse) entry.map = map_of(runs, size);
    MSB_CHECK(sparse ? tar_.begin_sparse(entry) : tar_.begin(entry));
    TransportHash transport(inventory_kind(MemberKind::file), path, sparse ? stored : size, size, entry.map);

    const bool merkle = wants_root(snapshot);
    DiskStream content(nullptr, size, runs, merkle ? std::optional(Algorithm::merkle) : std::nullopt);
    std::optional<os::WriteBehind> hashing;
    if (merkle) hashing.emplace(content, call_);
    uint64_t at = 0;
    for (const tree::Run& run : runs) {
      if (!sparse) MSB_CHECK(tar_.zeros(run.logical - at));
      for (at = run.logical; at < run.logical + run.length;) {
        const uint64_t left = run.logical + run.length - at;
        const MutableBytes step = MutableBytes(buffer_).first(static_cast<size_t>(std::min<uint64_t>(left, kStep)));
        MSB_CHECK(file.read_exactly_at(step, at));
        if (hashing) MSB_CHECK(hashing->write(step));
        if (plan_.layout == Layout::current) transport.update(step);
        MSB_CHECK(tar_.write(step));
        at += step.size();
        MSB_CHECK(advance(step.size()));
      }
    }
    if (!sparse) MSB_CHECK(tar_.zeros(size - at));
    if (hashing) {
      MSB_CHECK(hashing->finish());
      MSB_TRY(const auto root, content.finish());
      MSB_CHECK(take_root(snapshot, *root));
    }
    list(MemberKind::file, path, &snapshot, sparse ? stored : size, size, snapshot.descriptor.integrity,
         transport.digest());
    return {};
  }

  static std::vector<uint64_t> map_of(const std::vector<tree::Run>& runs, uint64_t size) {
    std::vector<uint64_t> map;
    map.reserve(2 * runs.size() + 2);
    for (const tree::Run& run : runs) map.insert(map.end(), {run.logical, run.length});
    if (runs.empty() || runs.back().logical + runs.back().length != size) map.insert(map.end(), {size, 0});
    return map;
  }

  bool wants_root(const ExportedSnapshot& snapshot) const {
    if (!snapshot.record) return plan_.layout == Layout::legacy;
    return find_algorithm(snapshot.record->algorithm) == Algorithm::merkle;
  }

  Done take_root(const ExportedSnapshot& snapshot, const Digest& root) {
    if (snapshot.record && snapshot.record->digest != root.text()) {
      return damaged(snapshot, snapshot.record->digest, root.text());
    }
    if (!snapshot.record) roots_.emplace_back(&snapshot, root);
    return {};
  }

  static Error damaged(const ExportedSnapshot& snapshot, const std::string& expected, const std::string& actual) {
    return Error(Status::snapshot_integrity, "the disk " + snapshot.disk_path + " is not what was recorded: expected " +
                                                 expected + ", found " + actual)
        .with("path", snapshot.disk_path)
        .with("expected", expected)
        .with("actual", actual);
  }

  Done add_image_file(const ExportedFile& file, const std::string& path) {
    if (!file.file) return add_text(file.kind, path, file.text, nullptr);
    progress_.item = path;
    MSB_TRY(const uint64_t size, file.file.size());
    MSB_CHECK(tar_.begin(entry_for(path, size)));
    TransportHash transport(inventory_kind(file.kind), path, size, size, {});
    Sha256 hash;
    for (uint64_t at = 0; at < size;) {
      const MutableBytes step = MutableBytes(buffer_).first(static_cast<size_t>(std::min<uint64_t>(size - at, kStep)));
      MSB_CHECK(file.file.read_exactly_at(step, at));
      hash.update(step);
      transport.update(step);
      MSB_CHECK(tar_.write(step));
      at += step.size();
      MSB_CHECK(advance(step.size()));
    }
    list(file.kind, path, nullptr, size, size, Integrity{"sha256", hash.digest().text(), 0, 0}, transport.digest());
    return {};
  }

  Done add_inventory(bool with_image) {
    inventory_.head = plan_.snapshots.back().digest.text();
    if (check_suggested(plan_.snapshots.back().name)) inventory_.suggested_name = plan_.snapshots.back().name;
    inventory_.with_parents = request_.with_parents;
    inventory_.with_image = with_image;
    inventory_.with_transport = true;
    json::Object names;
    for (const ExportedSnapshot& snapshot : plan_.snapshots) {
      inventory_.snapshots.emplace(snapshot.digest.text(), snapshot.digest.text());
      if (&snapshot != &plan_.snapshots.back() && check_suggested(snapshot.name)) {
        names.push_back({snapshot.digest.text(), snapshot.name});
      }
    }
    if (!names.empty()) inventory_.extensions.push_back({std::string(kNamesExtension), std::move(names)});
    std::ranges::sort(inventory_.entries, {}, &InventoryEntry::path);
    return tar_.add_file(kInventoryName, as_bytes(write_inventory(inventory_)));
  }

  static bool check_suggested(const std::string& name) {
    return !name.empty() && name.size() <= 255 && is_utf8(name) && name.find_first_of("/\\") == std::string::npos;
  }

  /// What only we read: the digests of disks that have no other, and what proves the layers.
  Done add_behind_end(const ExportedImage* image) {
    bool any = false;
    if (plan_.layout == Layout::legacy) {
      for (const ExportedSnapshot& snapshot : plan_.snapshots) {
        std::optional<Integrity> record = snapshot.descriptor.integrity ? std::nullopt : snapshot.record;
        for (const auto& [owner, root] : roots_) {
          if (owner == &snapshot) record = make_integrity(Algorithm::merkle, root, snapshot.descriptor.upper_size);
        }
        if (!record) continue;
        any = true;
        MSB_CHECK(tar_.add_file(file_member(plan_.layout, snapshot.owner, kSidecarName),
                                as_bytes(sidecar_bytes(snapshot.descriptor, *record))));
      }
    }
    if (image != nullptr) {
      for (const ExportedFile& recipe : image->recipes) {
        any = true;
        MSB_CHECK(add_image_file(recipe, image_member(plan_.layout, recipe.kind, recipe.name)));
      }
    }
    return any ? tar_.finish() : Done();
  }

  const Context& context_;
  const ExportRequest& request_;
  const ExportPlan& plan_;
  archive::TarWriter tar_;
  const Call& call_;
  std::vector<std::byte> buffer_;
  Progress progress_;
  Inventory inventory_;
  std::vector<std::pair<const ExportedSnapshot*, Digest>> roots_;
};

Done check_request(const ExportRequest& request) {
  if (request.level < 0 || request.level > kMaxLevel) {
    return Error(Status::invalid_argument, "the compression level is from 1 to " + std::to_string(kMaxLevel) +
                                               ", not " + std::to_string(request.level));
  }
  if (request.layout > Layout::current) return Error(Status::invalid_argument, "no such layout of archives");
  return {};
}

}  // namespace

Done export_archive(const Context& context, const ExportRequest& request, const Call& call) {
  MSB_CHECK(check_request(request));
  MSB_TRY(const ExportPlan plan, plan_export(context, request.ref, request.with_parents, request.layout, call));
  std::optional<ExportedImage> image;
  if (request.with_image) {
    const Descriptor& head = plan.snapshots.back().descriptor;
    MSB_TRY(image, find_exported_image(context, head.image_ref, head.image_digest, call));
    for (const ExportedSnapshot& snapshot : plan.snapshots) {
      if (snapshot.descriptor.image_digest == head.image_digest) continue;
      context.log.warn("snapshot", "the image of " + snapshot.name + ", " + snapshot.descriptor.image_ref +
                                       ", is another one and is not exported: archives have room for one");
    }
  }
  ExportSink::Options options;
  if (!request.path.empty()) {
    MSB_TRY(options.path, os::absolute_path(os::expand_home(request.path)));
  }
  options.fd = request.fd;
  options.compressed = !request.plain_tar;
  options.level = request.level == 0 ? kDefaultLevel : request.level;
  options.threads = request.threads == 0 ? context.threads : request.threads;
  MSB_TRY(const auto sink, ExportSink::open(context.fs, options, call));
  MSB_CHECK(Exporting(context, request, plan, sink->tar(), call).run(image ? &*image : nullptr));
  return sink->finish();
}

}  // namespace msb::snapshot
