#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "json/node.h"
#include "snapshot/descriptor.h"

namespace msb::snapshot {

// Members that descriptors of more than one form have.

using json::Node;

/// microsandbox up to 0.6.6 takes for a digest whatever has a colon inside.
bool is_loose_digest(std::string_view text);
/// Releases since take nothing but the SHA-256 of something.
bool is_strict_digest(std::string_view text);
/// Whether `text`, which is in `node`, is a digest by the rules of that form.
Done check_digest(const Node& node, std::string_view text, Form form, std::string_view algorithm = "sha256");
Result<std::string> digest_at(const Node& owner, std::string_view name, Form form,
                              std::string_view algorithm = "sha256");
/// A text that is not empty.
Result<std::string> filled_text(const Node& owner, std::string_view name);
/// A member that must be there and may be null.
Result<std::optional<std::string>> text_or_null(const Node& owner, std::string_view name);
/// Fails unless the member is that text.
Done expect(const Node& owner, std::string_view name, std::string_view value);
Result<std::map<std::string, std::string>> labels_at(const Node& owner);
/// `extensions` and `requires`, which go together.
Done read_requirements(const Node& root, Descriptor& descriptor);
/// The second of them, to be written.
json::Array requirements_of(const Descriptor& descriptor);

}  // namespace msb::snapshot
