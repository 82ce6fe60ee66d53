// A snapshot archive: its grammar, descriptors and inventory. Whatever is accepted is read the same a second time, in
// small pieces.

#include <cstdint>
#include <cstdlib>
#include <string>

#include "snapshot/archive_list.h"
#include "support/streams.h"

namespace {

using namespace msb;

auto read(const std::string& bytes, size_t step) {
  const Call call;
  snapshot::ArchiveLimits limits;
  limits.max_unpacked_bytes = uint64_t{64} << 20;
  limits.max_entries = 1000;
  test::StringSource source(bytes, step);
  return snapshot::list_members(source, limits, call);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  const auto members = read(bytes, SIZE_MAX);
  if (members) {
    const auto again = read(bytes, 777);
    if (!again || *again != *members) std::abort();
    return 0;
  }
  switch (members.error().status()) {
    case Status::snapshot_archive:
    case Status::snapshot_integrity:
    case Status::unsupported:
      return 0;
    default:
      std::abort();
  }
}
