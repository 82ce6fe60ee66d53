#include <microsandbox.h>
#include <stdlib.h>

/* Callbacks that go on to Go. `user` points at a uintptr_t that holds a runtime/cgo.Handle: the handle is a small
 * integer, and must not sit in a variable that Go takes for a pointer. */
void msb_go_progress(const msb_progress* event, void* user);
void msb_go_output(uint32_t source, const void* bytes, size_t length, void* user);
void msb_go_log(uint32_t level, const char* target, const char* message, void* user);
