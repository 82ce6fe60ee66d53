#include "index/sandboxes.h"

#include <algorithm>
#include <string_view>

#include "json/parse.h"
#include "json/value.h"

namespace msb::index {
namespace {

void add(SandboxRow& sandbox, const std::string& digest) {
  auto& digests = sandbox.manifest_digests;
  if (std::find(digests.begin(), digests.end(), digest) == digests.end()) digests.push_back(digest);
}

/// Takes what concerns images from a configuration; members that it does not know may mean anything to others.
void read_config(SandboxRow& sandbox, std::string_view text) {
  const auto config = json::parse(text);
  if (!config || config->object() == nullptr) {
    sandbox.readable = false;
    return;
  }
  if (const json::Value* digest = config->find("manifest_digest"); digest != nullptr && !digest->is_null()) {
    if (digest->string() != nullptr) {
      add(sandbox, *digest->string());
    } else {
      sandbox.readable = false;
    }
  }
  const json::Value* image = config->find("image");
  const json::Value* oci = image != nullptr ? image->find("Oci") : nullptr;
  if (oci == nullptr || sandbox.image_reference) return;
  // Up to 0.5.0 the reference alone, without an object around it.
  const json::Value* reference = oci->string() != nullptr ? oci : oci->find("reference");
  if (reference != nullptr && reference->string() != nullptr) sandbox.image_reference = *reference->string();
}

}  // namespace

Result<std::vector<SandboxRow>> list_sandboxes(Transaction& transaction) {
  std::vector<SandboxRow> sandboxes;
  const Schema& schema = transaction.schema();
  if (!schema.has("sandbox", "config")) return sandboxes;
  const bool active = schema.has("sandbox", "active_config");
  const bool rooted = schema.has("sandbox_rootfs", "manifest_id");
  const std::string sql = std::string("SELECT s.id, s.name, s.status, s.created_at, s.config, ") +
                          (active ? "s.active_config" : "NULL") + (rooted ? ", m.digest" : ", NULL") +
                          " FROM sandbox s" +
                          (rooted ? " LEFT JOIN sandbox_rootfs r ON r.sandbox_id = s.id LEFT JOIN manifest m ON m.id = "
                                    "r.manifest_id"
                                  : "") +
                          " ORDER BY s.name";
  MSB_TRY(Statement rows, transaction.query(sql));
  for (;;) {
    MSB_TRY(const bool row, rows.step());
    if (!row) return sandboxes;
    SandboxRow sandbox;
    sandbox.id = rows.integer(0);
    sandbox.name = rows.text(1);
    sandbox.status = rows.text(2);
    sandbox.created_at = time_column(rows, 3);
    read_config(sandbox, rows.text(4));
    if (const auto config = rows.maybe_text(5)) read_config(sandbox, *config);
    if (const auto digest = rows.maybe_text(6)) add(sandbox, *digest);
    sandboxes.push_back(std::move(sandbox));
  }
}

}  // namespace msb::index
