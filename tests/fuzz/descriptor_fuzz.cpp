// What parses as a descriptor, in any form, has canonical bytes that parse to the same and are canonical.

#include <cstdint>
#include <cstdlib>

#include "snapshot/group.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace msb::snapshot;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const Form form : {Form::manifest, Form::snapshot, Form::member}) {
    const auto descriptor = parse_descriptor(text, form);
    if (!descriptor) continue;
    const std::string canonical = canonical_bytes(*descriptor);
    if (canonical.size() > kMaxDescriptor) continue;  // "1e15" is shorter than what it is written as
    const auto again = parse_descriptor(canonical, form);
    if (!again || again->integrity != descriptor->integrity || again->labels != descriptor->labels) std::abort();
    // The last digits of doubles in extensions may change (json_fuzz.cpp), and with them the bytes.
    if (descriptor->extensions.empty() && canonical_bytes(*again) != canonical) std::abort();
  }
  const int files = parse_member_labels(text).ok() + parse_member_name(text).ok() + parse_group_head(text).ok();
  if (files > 1) std::abort();  // their schemas differ
  return 0;
}
