#pragma once

namespace msb::os {

/// Gives memory that was freed back to the system, whatever thread had it. What one thread of a pool has freed is else
/// kept for that thread, so that the peaks of all add up. Takes about a millisecond: for after large work.
void trim_memory();

}  // namespace msb::os
