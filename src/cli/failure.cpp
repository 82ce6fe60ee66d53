#include <cstdlib>
#include <string>
#include <utility>

#include "cli/abi.h"

namespace msbctl {
namespace {

/// The next step for failures whose message does not name one.
std::string hint_for(const msb_error* error) {
  switch (msb_error_status(error)) {
    case MSB_ERR_IMAGE_NOT_FOUND:
      return "'msbctl image ls' shows what is cached; 'msbctl image pull' or 'load' adds an image";
    case MSB_ERR_IMAGE_IN_USE:
      return "remove the sandboxes first, or pass --force: the image then stays on disk until they are gone";
    case MSB_ERR_SANDBOX_NOT_FOUND:
      return "'msbctl sandbox ls' shows the sandboxes there are";
    case MSB_ERR_SANDBOX_ALREADY_EXISTS:
      return "choose another name, or pass --replace to remove the one there is";
    case MSB_ERR_SANDBOX_STILL_RUNNING:
    case MSB_ERR_SNAPSHOT_SANDBOX_RUNNING:
      return "stop the sandbox first, with 'msbctl stop'";
    case MSB_ERR_SNAPSHOT_NOT_FOUND:
      return "'msbctl snapshot ls' shows the snapshots there are; 'msbctl snapshot reindex' finds lost ones";
    case MSB_ERR_SNAPSHOT_ALREADY_EXISTS:
      return "choose another name, or remove the one there is";
    case MSB_ERR_SNAPSHOT_IMAGE_MISSING: {
      const char* reference = msb_error_detail(error, "reference");
      return "load " + std::string(reference != nullptr ? reference : "the image") + " with 'msbctl image load' first";
    }
    case MSB_ERR_SNAPSHOT_INTEGRITY:
      return "it is not what it was: import it again from an archive, or remove it";
    case MSB_ERR_BUSY:
      return "another process works on this home; try again when it is done";
    default:
      return {};
  }
}

}  // namespace

Failure::Failure(msb_error* taken)
    : status_(msb_error_status(taken)), os_code_(msb_error_os_code(taken)), hint_(hint_for(taken)) {
  const Handle<msb_error> error(taken);
  const char* text = msb_error_message(error.get());
  message_ = text != nullptr ? text : "unknown error";
  if (status_ == MSB_ERR_SNAPSHOT_HAS_CHILDREN) message_ += "; pass --force to remove anyway";
  if (const char* code = msb_error_detail(error.get(), "exit_code"); code != nullptr) exit_code_ = std::atoi(code);
}

Failure::Failure(msb_status status, std::string message, std::string hint)
    : status_(status), message_(std::move(message)), hint_(std::move(hint)) {}

}  // namespace msbctl
