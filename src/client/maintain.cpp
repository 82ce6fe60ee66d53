#include "client/maintain.h"

#include <iterator>
#include <utility>

#include "image/recover.h"
#include "sandbox/recover.h"
#include "snapshot/check.h"
#include "snapshot/recover.h"

namespace msb::client {

Result<uint32_t> recover(const image::Context& context, const Call& call) {
  MSB_TRY(const uint32_t sandboxes, sandbox::recover(context, call));
  MSB_TRY(const uint32_t snapshots, snapshot::recover(context, call));
  MSB_TRY(const uint32_t images, image::recover(context, image::Thoroughness::full, call));
  return sandboxes + snapshots + images;
}

Result<std::vector<image::Problem>> check(const image::Context& context, const image::CheckOptions& options,
                                          const Call& call) {
  MSB_TRY(auto problems, snapshot::check(context, options, call));
  MSB_TRY(auto images, image::check(context, options, call));
  std::move(images.begin(), images.end(), std::back_inserter(problems));
  return problems;
}

}  // namespace msb::client
