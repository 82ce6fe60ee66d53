#include "progress.h"

#include "_cgo_export.h"

void msb_go_progress(const msb_progress* event, void* user) {
  msbGoProgress((msb_progress*)event, *(const uintptr_t*)user);
}
