#include "input.h"

#include <cmath>
#include <string_view>

#include "failure.h"

namespace msb_node {

std::vector<const char*> Texts::view() const {
  std::vector<const char*> view;
  view.reserve(texts_.size());
  for (const std::string& text : texts_) view.push_back(text.c_str());
  return view;
}

std::vector<msb_kv> Pairs::view() const {
  std::vector<msb_kv> view;
  view.reserve(pairs_.size());
  for (const auto& [key, value] : pairs_) view.push_back({key.c_str(), value.c_str()});
  return view;
}

Input Input::operator[](const char* key) const {
  std::string name = name_ + "." + key;
  if (!given()) return {*inputs_, {}, std::move(name)};
  if (!value_.IsObject()) {
    is_not("an object");
    return {*inputs_, {}, std::move(name)};
  }
  return {*inputs_, value_.As<Napi::Object>().Get(key), std::move(name)};
}

std::string Input::text() const {
  if (value_.IsEmpty() || !value_.IsString()) {
    is_not("a string");
    return {};
  }
  std::string text = value_.As<Napi::String>();
  if (text.find('\0') != std::string::npos) {  // the library would see only what is before it
    const std::string message = "invalid argument: " + name_ + " contains a NUL byte";
    inputs_->spoil(make_error(inputs_->env(), MSB_ERR_INVALID_ARGUMENT, message.c_str()));
    return {};
  }
  return text;
}

std::optional<std::string> Input::optional_text() const {
  if (!given()) return std::nullopt;
  return text();
}

bool Input::flag() const {
  if (!given()) return false;
  if (!value_.IsBoolean()) {
    is_not("a boolean");
    return false;
  }
  return value_.As<Napi::Boolean>();
}

uint32_t Input::one_of(Names names) const {
  if (!given()) return 0;
  const std::string wanted = text();
  std::string known;
  for (uint32_t value = 0; value < names.size(); ++value) {
    const std::string_view name = names[value];
    if (name.empty()) continue;
    if (name == wanted) return value;
    if (!known.empty()) known += value + 1 < names.size() ? ", " : " or ";
    known += name;
  }
  is_not(known.c_str());
  return 0;
}

uint32_t Input::number() const {
  const uint64_t value = integer();
  if (value > UINT32_MAX) is_not("a number below 2^32");
  return static_cast<uint32_t>(value);
}

uint64_t Input::integer() const {
  if (!given()) return 0;
  if (value_.IsBigInt()) {
    bool lossless = false;
    const uint64_t value = value_.As<Napi::BigInt>().Uint64Value(&lossless);
    if (!lossless) is_not("a bigint between 0 and 2^64");
    return value;
  }
  constexpr double kSafe = 9007199254740991;
  const double value = value_.IsNumber() ? value_.As<Napi::Number>().DoubleValue() : -1;
  if (!(value >= 0 && value <= kSafe && std::trunc(value) == value)) {
    is_not("a non-negative integer");
    return 0;
  }
  return static_cast<uint64_t>(value);
}

Texts Input::texts() const {
  std::vector<std::string> texts;
  if (!given()) return Texts({});
  if (!value_.IsArray()) {
    is_not("an array of strings");
    return Texts({});
  }
  const auto array = value_.As<Napi::Array>();
  for (uint32_t i = 0; i < array.Length(); ++i) {
    texts.push_back(Input(*inputs_, array[i], name_ + "[" + std::to_string(i) + "]").text());
  }
  return Texts(std::move(texts));
}

Pairs Input::pairs() const {
  std::vector<std::pair<std::string, std::string>> pairs;
  if (!given()) return Pairs({});
  if (!value_.IsArray()) {
    is_not("an array of [key, value]");
    return Pairs({});
  }
  const auto array = value_.As<Napi::Array>();
  for (uint32_t i = 0; i < array.Length(); ++i) {
    const Input pair(*inputs_, array[i], name_);
    pairs.emplace_back(pair["0"].text(), pair["1"].text());
  }
  return Pairs(std::move(pairs));
}

Napi::FunctionReference Input::listener() const {
  if (!given()) return {};
  if (!value_.IsFunction()) {
    is_not("a function");
    return {};
  }
  return Napi::Persistent(value_.As<Napi::Function>());
}

Owned<void> Input::any_handle() const {
  Owned<void> object;
  if (value_.IsEmpty() || !Handle::read(value_, object)) is_not("an object of this library");
  return object;
}

void Input::is_not(const char* what) const {
  inputs_->spoil(Napi::TypeError::New(inputs_->env(), name_ + " must be " + what));
}

void Inputs::spoil(Napi::Error error) {
  if (!wrong_) wrong_ = std::move(error);
}

Napi::Value Inputs::refuse() const {
  wrong_->ThrowAsJavaScriptException();
  return env().Undefined();
}

}  // namespace msb_node
