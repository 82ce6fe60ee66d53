#include "digest/blake3_lanes.h"

namespace msb::blake3 {

extern const Engine kSse41;
const Engine kSse41 = {"SSE4.1", hash_chunks<4, true>, hash_parents<4, true>};

}  // namespace msb::blake3
