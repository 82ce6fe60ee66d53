#include "digest/blake3_lanes.h"

namespace msb::blake3 {

extern const Engine kAvx512;
const Engine kAvx512 = {"AVX-512", hash_chunks<16, false>, hash_parents<16, false>};

}  // namespace msb::blake3
