#include "sandbox/settle.h"

#include <optional>

#include "index/sandboxes.h"
#include "os/publish.h"
#include "sandbox/directory.h"

namespace msb::sandbox {
namespace {

class Settlement {
 public:
  Settlement(const image::Context& context, const std::string& name, const Call& call)
      : context_(context), name_(name), aside_(aside_name(name)), call_(call) {}

  Result<bool> run() {
    const std::string aside_directory = directory_of(context_, aside_);
    MSB_TRY(const bool aside, os::exists(context_.fs, aside_directory));
    MSB_TRY(mark_, read_mark(context_, directory_of(context_, name_)));
    if (!aside && !mark_) return false;
    MSB_TRY(record_, context_.database.read(call_, [&](index::Transaction& transaction) {
      return index::find_sandbox(transaction, name_);
    }));
    if (aside) {
      MSB_TRY(mark_aside_, read_mark(context_, aside_directory));
      MSB_CHECK(record_ ? choose() : discard_both());
    } else {
      MSB_CHECK(record_ ? accept() : discard_directory(context_, name_));
    }
    return true;
  }

 private:
  /// Whether the one to be replaced is recorded still.
  bool stands(const Mark& mark) const { return mark.replaces == record_->id; }

  /// The directory with the mark is the newer one.
  Done choose() {
    if (mark_aside_) {
      if (stands(*mark_aside_)) return discard_directory(context_, aside_);
      // Recorded, where the two could not be exchanged.
      MSB_CHECK(context_.database.make_durable());
      MSB_CHECK(discard_directory(context_, name_));
      MSB_CHECK(bring_back());
      return unmark(context_, directory_of(context_, name_));
    }
    if (mark_ && stands(*mark_)) {
      MSB_CHECK(discard_directory(context_, name_));
      return bring_back();
    }
    if (mark_) {
      MSB_CHECK(accept());
      return discard_directory(context_, aside_);
    }
    // A removal that was not recorded, or a replacement that is done.
    MSB_TRY(const bool there, os::exists(context_.fs, directory_of(context_, name_)));
    return there ? discard_directory(context_, aside_) : bring_back();
  }

  Done discard_both() {
    MSB_CHECK(context_.database.make_durable());
    // One without a mark would be somebody else's.
    if (mark_) MSB_CHECK(discard_directory(context_, name_));
    return discard_directory(context_, aside_);
  }

  Done bring_back() { return os::move(context_.fs, context_.sandboxes_dir, aside_, name_); }

  Done accept() {
    MSB_CHECK(context_.database.make_durable());
    return unmark(context_, directory_of(context_, name_));
  }

  const image::Context& context_;
  const std::string& name_;
  const std::string aside_;
  const Call& call_;
  std::optional<Mark> mark_;
  std::optional<Mark> mark_aside_;
  std::optional<index::SandboxRecord> record_;
};

}  // namespace

Result<bool> settle(const image::Context& context, const std::string& name, const Call& call) {
  return Settlement(context, name, call).run();
}

void settle_if_possible(const image::Context& context, const std::string& name) {
  const auto settled = settle(context, name, Call());
  if (!settled) context.log.warn("sandbox", "left for recovery: " + settled.error().message());
}

}  // namespace msb::sandbox
