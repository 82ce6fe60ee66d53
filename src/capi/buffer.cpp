#include "capi/buffer.h"

extern "C" const void* msb_buffer_data(const msb_buffer* buffer, size_t* length) {
  if (length != nullptr) *length = buffer != nullptr ? buffer->bytes.size() : 0;
  return buffer != nullptr ? buffer->bytes.c_str() : nullptr;
}
