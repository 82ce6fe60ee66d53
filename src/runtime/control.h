#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/call.h"
#include "image/context.h"
#include "runtime/outcome.h"
#include "runtime/start.h"

namespace msb::runtime {

/// Stops a machine: its command is sent the image's stop signal, what else runs is ended, the disk is unmounted. What
/// has not ended within `limit` is made to. Returns when the sandbox is stopped.
/// @retval Status::sandbox_not_found    no sandbox of that name
/// @retval Status::sandbox_not_running  it does not run
Done stop(const image::Context& context, const std::string& name, std::chrono::milliseconds limit, const Call& call);

/// Asks a machine to stop, or with `at_once` makes it, and does not wait for its end. Fails as stop() does.
Done request_stop(const image::Context& context, const std::string& name, bool at_once, const Call& call);

/// Which output of a command; values are those of MSB_LOG_… in the header.
enum class Source : uint32_t { out = 1, err = 2, console = 3, monitor = 4 };

/// Waits until a sandbox does not run, and says how its last machine ended.
/// @retval Status::sandbox_not_found    no sandbox of that name
/// @retval Status::sandbox_not_running  it has never been started by this library
Result<Outcome> wait(const image::Context& context, const std::string& name, const Call& call);

/// Receives what a command writes, in the order of each output, on the thread of the call.
using OutputSink = std::function<void(Source, std::string_view)>;

/// Boots, runs the command to its end, and passes on its output meanwhile. Given up while it waits, it stops the
/// machine within the limit of the request; so does a caller that dies. Fails as start() and wait() do.
Result<Outcome> run(const image::Context& context, const std::string& name, const StartRequest& request,
                    const OutputSink& sink, const Call& call);

/// The last bytes, `most` of them, of what the present or the last machine has said. Nothing is empty.
/// @retval Status::sandbox_not_found  no sandbox of that name
Result<std::string> read_log(const image::Context& context, const std::string& name, Source source, uint64_t most,
                             const Call& call);

}  // namespace msb::runtime
