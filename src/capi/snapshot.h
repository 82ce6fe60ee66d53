#pragma once

#include <vector>

#include "capi/labels.h"
#include "capi/object.h"
#include "index/snapshots.h"
#include "snapshot/artifact.h"
#include "snapshot/integrity.h"

struct msb_snapshot final : msb::capi::Object {
  static constexpr msb_handle_kind kKind = MSB_KIND_SNAPSHOT;
  explicit msb_snapshot(msb::snapshot::Artifact a);

  const msb::snapshot::Artifact artifact;
  const std::string digest;
  const std::vector<msb_kv> labels;  ///< pointing into `artifact`
};

struct msb_snapshot_list final : msb::capi::ObjectList<msb_snapshot> {
  static constexpr msb_handle_kind kKind = MSB_KIND_SNAPSHOT_LIST;
  explicit msb_snapshot_list(std::vector<msb::snapshot::Artifact> artifacts)
      : ObjectList(kKind, std::move(artifacts)) {}
};

struct msb_snapshot_handle final : msb::capi::Object {
  static constexpr msb_handle_kind kKind = MSB_KIND_SNAPSHOT_HANDLE;
  explicit msb_snapshot_handle(msb::index::SnapshotRow r) : Object(kKind), row(std::move(r)) {}

  const msb::index::SnapshotRow row;
};

struct msb_snapshot_handle_list final : msb::capi::ObjectList<msb_snapshot_handle> {
  static constexpr msb_handle_kind kKind = MSB_KIND_SNAPSHOT_HANDLE_LIST;
  explicit msb_snapshot_handle_list(std::vector<msb::index::SnapshotRow> rows) : ObjectList(kKind, std::move(rows)) {}
};

namespace msb::capi {

/// One of MSB_INTEGRITY_….
Result<snapshot::Algorithm> read_algorithm(uint32_t value);

}  // namespace msb::capi
