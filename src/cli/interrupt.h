#pragma once

#include "microsandbox.h"

namespace msbctl {

/// From now on the first SIGINT, SIGTERM or SIGHUP triggers the token, and the second ends the process at once. The
/// token must outlive the process. Those that are ignored already, as nohup and shells have it for what runs in the
/// background, stay so. SIGPIPE is ignored: writing says what there is to say.
void handle_interrupts(msb_cancel* token);
/// The signal that came, or 0.
int interrupted_by();

}  // namespace msbctl
