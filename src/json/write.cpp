#include "json/write.h"

#include <charconv>
#include <string_view>

#include "base/bytes.h"
#include "json/number.h"

namespace msb::json {

class Writer {
 public:
  explicit Writer(Layout layout) : pretty_(layout == Layout::pretty) {}

  void write(const Value& value) {
    std::visit([this](const auto& data) { put(data); }, value.data_);
  }

  std::string take() { return std::move(out_); }

 private:
  void put(std::monostate) { out_ += "null"; }
  void put(bool value) { out_ += value ? "true" : "false"; }
  void put(double value) { append_double(out_, value); }

  template <std::integral T>
  void put(T value) {
    char digits[20];
    const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
    out_.append(digits, end);
  }

  void put(const std::string& text) {
    out_ += '"';
    size_t written = 0;
    for (size_t i = 0; i < text.size(); ++i) {
      const auto byte = static_cast<unsigned char>(text[i]);
      if (byte >= 0x20 && byte != '"' && byte != '\\') continue;
      out_.append(text, written, i - written);
      written = i + 1;
      escape(text[i]);
    }
    out_.append(text, written);
    out_ += '"';
  }

  void escape(char c) {
    out_ += '\\';
    switch (c) {
      case '"':
      case '\\':
        out_ += c;
        return;
      case '\b':
        out_ += 'b';
        return;
      case '\t':
        out_ += 't';
        return;
      case '\n':
        out_ += 'n';
        return;
      case '\f':
        out_ += 'f';
        return;
      case '\r':
        out_ += 'r';
        return;
      default:
        out_ += "u00";
        out_ += to_hex(as_bytes({&c, 1}));
    }
  }

  void put(const Array& elements) {
    open('[');
    for (const Value& element : elements) {
      next(&element == &elements.front());
      write(element);
    }
    close(']', elements.empty());
  }

  void put(const Object& members) {
    open('{');
    for (const Member& member : members) {
      next(&member == &members.front());
      put(member.name);
      out_ += pretty_ ? ": " : ":";
      write(member.value);
    }
    close('}', members.empty());
  }

  void open(char bracket) {
    out_ += bracket;
    ++depth_;
  }

  void next(bool first) {
    if (!first) out_ += ',';
    new_line();
  }

  void close(char bracket, bool empty) {
    --depth_;
    if (!empty) new_line();
    out_ += bracket;
  }

  void new_line() {
    if (!pretty_) return;
    out_ += '\n';
    out_.append(2 * depth_, ' ');
  }

  const bool pretty_;
  size_t depth_ = 0;
  std::string out_;
};

std::string write(const Value& value, Layout layout) {
  Writer writer(layout);
  writer.write(value);
  return writer.take();
}

}  // namespace msb::json
