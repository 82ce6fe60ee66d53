#include "json/parse.h"

#include <jansson.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "json/number.h"

namespace msb::json {
namespace {

// jansson judges the structure, the strings and the UTF-8 of a document. Numbers it cannot hold as we need them
// (integers above 2^63 − 1, -0, serde_json's rounding), so they are read beforehand, in document order, and jansson
// sees a 0 padded with spaces in place of each: the same structure at the same offsets.
struct Numberless {
  std::string text;
  std::vector<Number> numbers;
};

class Scanner {
 public:
  Scanner(std::string_view text, const ParseOptions& options) : options_(options) { result_.text = text; }

  Result<Numberless> run() {
    std::string& text = result_.text;
    while (at_ < text.size()) {
      const char c = text[at_];
      if (c == '"') {
        skip_string();
      } else if (c == '-' || (c >= '0' && c <= '9')) {
        MSB_CHECK(take_number());
      } else {
        if (c == '[' || c == '{') MSB_CHECK(enter());
        if ((c == ']' || c == '}') && depth_ > 0) --depth_;
        if (c == ',') MSB_CHECK(count_value());
        ++at_;
      }
    }
    return std::move(result_);
  }

 private:
  // Values are at most one more than the commas and brackets together.
  Done count_value() {
    if (++values_ >= options_.max_values) return fault("more than " + std::to_string(options_.max_values) + " values");
    return {};
  }

  Done enter() {
    if (++depth_ > options_.max_depth) return fault("nested deeper than " + std::to_string(options_.max_depth));
    return count_value();
  }

  void skip_string() {
    const std::string& text = result_.text;
    for (++at_; at_ < text.size() && text[at_] != '"'; ++at_) {
      if (text[at_] == '\\') ++at_;
    }
    ++at_;
  }

  Done take_number() {
    std::string& text = result_.text;
    size_t end = text.find_first_not_of("0123456789+-.eE", at_);
    if (end == std::string::npos) end = text.size();
    const std::string_view token = std::string_view(text).substr(at_, end - at_);
    if (!is_number(token)) return fault("malformed number");
    const std::optional<Number> number = read_number(token);
    if (!number) return fault("number too large");
    result_.numbers.push_back(*number);
    text.replace(at_, end - at_, end - at_, ' ');
    text[at_] = '0';
    at_ = end;
    return {};
  }

  Error fault(const std::string& what) const {
    const std::string offset = std::to_string(at_);
    return Error(options_.status, what + " at byte " + offset).with("offset", offset);
  }

  const ParseOptions& options_;
  Numberless result_;
  size_t at_ = 0;
  size_t depth_ = 0;
  size_t values_ = 0;
};

struct Release {
  void operator()(json_t* node) const { json_decref(node); }
};

// Walks a document in its order (jansson keeps the order of members), and puts the numbers back.
class Converter {
 public:
  explicit Converter(std::vector<Number> numbers) : numbers_(std::move(numbers)) {}

  Value convert(json_t* node) {
    switch (json_typeof(node)) {
      case JSON_OBJECT: {
        Object members;
        members.reserve(json_object_size(node));
        for (void* i = json_object_iter(node); i != nullptr; i = json_object_iter_next(node, i)) {
          members.push_back({json_object_iter_key(i), convert(json_object_iter_value(i))});
        }
        return members;
      }
      case JSON_ARRAY: {
        Array elements;
        elements.reserve(json_array_size(node));
        for (size_t i = 0; i < json_array_size(node); ++i) elements.push_back(convert(json_array_get(node, i)));
        return elements;
      }
      case JSON_STRING:
        return std::string_view(json_string_value(node), json_string_length(node));
      case JSON_INTEGER:
      case JSON_REAL:
        return std::visit([](auto number) { return Value(number); }, numbers_.at(next_++));
      case JSON_TRUE:
        return true;
      case JSON_FALSE:
        return false;
      case JSON_NULL:
        break;
    }
    return nullptr;
  }

 private:
  std::vector<Number> numbers_;
  size_t next_ = 0;
};

std::string reason(const json_error_t& error) {
  switch (json_error_code(&error)) {
    case json_error_duplicate_key:
      return "a member occurs twice";
    case json_error_invalid_utf8:
      return "invalid UTF-8";
    case json_error_end_of_input_expected:
      return "something follows the document";
    case json_error_premature_end_of_input:
      return "the document is cut short";
    case json_error_null_byte_in_key:
      return "a member's name holds U+0000";
    default: {
      // What jansson quotes may be one of the zeros that we put in.
      const std::string_view text = error.text;
      return std::string(text.substr(0, text.find(" near '")));
    }
  }
}

}  // namespace

Result<Value> parse(std::string_view text, const ParseOptions& options) {
  if (text.size() > options.max_bytes) {
    return Error(options.status, "document larger than " + std::to_string(options.max_bytes) + " bytes");
  }
  MSB_TRY(Numberless scanned, Scanner(text, options).run());

  json_error_t error;
  const std::unique_ptr<json_t, Release> root(json_loadb(
      scanned.text.data(), scanned.text.size(), JSON_DECODE_ANY | JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error));
  if (root == nullptr) {
    const std::string offset = std::to_string(error.position);
    return Error(options.status, reason(error) + " at byte " + offset).with("offset", offset);
  }
  return Converter(std::move(scanned.numbers)).convert(root.get());
}

}  // namespace msb::json
