#pragma once

#include <cstdint>
#include <vector>

#include "base/call.h"
#include "image/context.h"
#include "image/reachability.h"

namespace msb::image {

/// What a sweep took away. Bytes are allocated ones that were really given back.
struct Swept {
  uint32_t references = 0;
  uint32_t manifests = 0;
  uint32_t layers = 0;
  uint32_t fsmeta = 0;
  uint32_t vmdk = 0;
  uint32_t others = 0;  ///< documents, blobs, flat and temporary files
  uint64_t bytes = 0;

  uint32_t total() const { return references + manifests + layers + fsmeta + vmdk + others; }
};

/// Takes away what the verdicts on `found` give up, and of that nothing that has come into use since: rows a few
/// images at a time, in one transaction that looks at their users again; then their files, each under the lock of its
/// writers and with the gate of leases closed, after another look at leases and rows. Lock files stay. Stops between
/// images when the call does; what is gone from the index but not yet from the disk, a later sweep finds.
Result<Swept> sweep(const Context& context, const Reachability& found, const std::vector<Verdict>& verdicts,
                    const Call& call);

/// Takes the row of a manifest away, with the rows of layers that no other manifest has. False when a reference names
/// it. The caller knows that no sandbox and no snapshot needs it.
Result<bool> delete_unnamed_manifest(index::Transaction& transaction, int64_t row);

}  // namespace msb::image
