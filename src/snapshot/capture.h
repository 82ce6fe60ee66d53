#pragma once

#include <string>

#include "base/call.h"
#include "snapshot/create.h"

namespace msb::snapshot {

/// create() of the disk of a sandbox, which is kept from being started meanwhile. The request is checked before anybody
/// looks for the sandbox.
/// @retval Status::sandbox_not_found         no sandbox of that name
/// @retval Status::snapshot_sandbox_running  it is neither stopped nor crashed; fact `status`
Result<Artifact> capture(const Context& context, const std::string& sandbox, const CreateRequest& request,
                         const Call& call);

}  // namespace msb::snapshot
