#pragma once

#include <set>
#include <string>

#include "base/call.h"
#include "digest/digest.h"
#include "image/context.h"
#include "os/file.h"
#include "os/lock.h"

namespace msb::image {

// How work in flight keeps what it needs out of the hands of a sweep, in this process or another one.
//
// A worker names each thing it is going to need in its lease, and only then looks whether the thing is there. A sweep
// closes the gate, reads the leases, then the rows, and removes what neither names before it opens the gate again. As
// nothing is named while the gate is closed, the worker either was heard, or finds the thing gone and makes it anew.
// Whoever commits rows keeps the lease until they are committed.

/// Digests that one piece of work needs: a file in `leases/` under an exclusive flock, one digest a line. When the
/// process dies the lock goes, and the next sweep removes the file. In a read-only home a lease holds nothing, as
/// nobody of ours sweeps there.
class Lease {
 public:
  static Result<Lease> take(const Context& context, const Call& call);
  Lease(Lease&&) noexcept = default;
  Lease& operator=(Lease&& other) noexcept;
  ~Lease() { release(); }

  /// Names something as needed until the lease goes: a manifest (with all of its image), a diff ID (with its recipe) or
  /// the blob of a layer. Call it before looking whether the file is there. Any thread.
  Done add(const Digest& needed, const Call& call) const;
  /// Ends the lease; the destructor does the same.
  void release();

 private:
  Lease() = default;
  Lease(const Context& context, os::File file) : context_(&context), file_(std::move(file)) {}

  const Context* context_ = nullptr;
  os::File file_;  // none in a read-only home
};

/// The gate of a cache, closed for as long as the object lives: no lease grows meanwhile. For moments only.
class SweepGate {
 public:
  static Result<SweepGate> close(const Context& context, const Call& call);

 private:
  explicit SweepGate(os::FileLock lock) : lock_(std::move(lock)) {}

  os::FileLock lock_;
};

/// Everything that a living process has named, as text. Lease files of dead ones are removed on the way, unless the
/// home is read-only.
Result<std::set<std::string, std::less<>>> live_leases(const Context& context, const Call& call);

/// Removes lease files of dead processes; returns how many.
Result<uint32_t> sweep_leases(const Context& context, const Call& call);

}  // namespace msb::image
