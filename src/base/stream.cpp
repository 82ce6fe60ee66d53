#include "base/stream.h"

namespace msb {

Result<size_t> read_full(ByteSource& source, MutableBytes into) {
  size_t filled = 0;
  while (filled < into.size()) {
    MSB_TRY(const size_t n, source.read(into.subspan(filled)));
    if (n == 0) break;
    filled += n;
  }
  return filled;
}

}  // namespace msb
