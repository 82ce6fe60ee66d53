#include "relay.h"

#include "_cgo_export.h"

void msb_go_progress(const msb_progress* event, void* user) {
  msbGoProgress((msb_progress*)event, *(const uintptr_t*)user);
}

void msb_go_output(uint32_t source, const void* bytes, size_t length, void* user) {
  msbGoOutput(source, (void*)bytes, length, *(const uintptr_t*)user);
}

void msb_go_log(uint32_t level, const char* target, const char* message, void* user) {
  msbGoLog(level, (char*)target, (char*)message, *(const uintptr_t*)user);
}
