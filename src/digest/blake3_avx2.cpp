#include "digest/blake3_lanes.h"

namespace msb::blake3 {

extern const Engine kAvx2;
const Engine kAvx2 = {"AVX2", hash_chunks<8, true>, hash_parents<8, true>};

}  // namespace msb::blake3
