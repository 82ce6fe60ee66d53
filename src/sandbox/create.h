#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/call.h"
#include "image/context.h"
#include "os/file.h"
#include "sandbox/sandbox.h"

namespace msb::sandbox {

/// A snapshot, opened and checked by the caller.
struct Origin {
  std::string digest;
  std::string image_ref;
  std::string image_digest;
  std::string upper_path;  ///< its disk, which stays as it is
  /// Fills an empty file with the disk, where `upper_path` is only a part of it.
  std::function<Done(const os::File& disk)> fill;
  std::string fstype;
  uint64_t upper_size = 0;          ///< that the disk must have
  std::optional<std::string> user;  ///< who runs commands, in place of the image's
};

struct CreateRequest {
  std::optional<std::string> image;  ///< reference of a cached image; exactly one of this and the next
  std::optional<Origin> origin;
  uint64_t upper_size = 0;  ///< of a new disk, a multiple of 4096; 0 for 4 GiB. Not with an origin.
  std::vector<std::pair<std::string, std::string>> labels;  ///< each key once
  std::optional<std::string> config_json;  ///< merged into the stored configuration, see write_config()
  bool replace = false;                    ///< takes the place of one of that name that is not running
};

/// Registers a stopped sandbox. Its directory is made aside, with its disk, and published; then its record and the row
/// that pins the image are written in one transaction. Reports Phase::copying. A failure leaves nothing behind, and the
/// sandbox that was to be replaced as it was: its directory and its record are exchanged in that one transaction.
/// @retval Status::invalid_argument        both or neither of image and origin; bad size or label
/// @retval Status::invalid_config          malformed name or configuration
/// @retval Status::sandbox_already_exists  and `replace` is false; or its directory is there without a record
/// @retval Status::sandbox_still_running   the one to replace runs
/// @retval Status::image_not_found         the image is not in the cache
/// @retval Status::snapshot_image_missing  the image of the origin is not; fact `reference`
/// @retval Status::snapshot_integrity      the disk of the origin is not what it should be
/// @retval Status::unsupported             the client is read-only
Result<Sandbox> create(const image::Context& context, const std::string& name, const CreateRequest& request,
                       const Call& call);

}  // namespace msb::sandbox
