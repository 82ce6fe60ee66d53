#pragma once

#include <microsandbox.h>
#include <napi.h>

#include "handle.h"

namespace msb_node {

// Snapshots and what the index knows of them as plain objects; src/native.ts has their shapes.

/// With the snapshot itself as `handle`.
Napi::Object snapshot_object(Napi::Env env, Owned<msb_snapshot>& snapshot);
Napi::Array snapshot_objects(Napi::Env env, Owned<msb_snapshot_list>& list);

/// With the handle itself as `handle`, for open and remove.
Napi::Object live_handle_object(Napi::Env env, Owned<msb_snapshot_handle>& handle);
/// Rows only: thousands of them are cheap.
Napi::Array handle_objects(Napi::Env env, Owned<msb_snapshot_handle_list>& list);

Napi::Object report_object(Napi::Env env, Owned<msb_verify_report>& report);

}  // namespace msb_node
