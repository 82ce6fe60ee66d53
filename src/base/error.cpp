#include "base/error.h"

#include <system_error>

namespace msb {

struct Error::Body {
  Status status = Status::internal;
  int os_code = 0;
  std::string message;
  std::vector<std::pair<std::string, std::string>> facts;
  std::unique_ptr<Error> cause;
};

/// Where the message goes on behind its lead-in.
size_t Error::detail_offset(const Body& body) {
  const StatusRow* row = find_status(body.status);
  if (row == nullptr || row->lead_in.empty() || body.message.size() <= row->lead_in.size() + 2) return 0;
  return row->lead_in.size() + 2;
}

void Error::Deleter::operator()(Body* body) const { delete body; }

Error::Error(Status status, std::string_view detail) : body_(new Body) {
  body_->status = status;
  const StatusRow* row = find_status(status);
  if (row != nullptr) body_->message = row->lead_in;
  if (!body_->message.empty() && !detail.empty()) body_->message += ": ";
  body_->message += detail;
  // One line, whatever a file name or a document put into it.
  for (char& c : body_->message) {
    if (c == '\n' || c == '\r') c = ' ';
  }
}

Error Error::io(std::string_view what, std::string_view path, int errnum) {
  std::string detail(what);
  detail += ' ';
  detail += path;
  detail += ": ";
  detail += std::error_code(errnum, std::generic_category()).message();
  return Error(Status::io, detail).with("path", path).with_os_code(errnum);
}

Error&& Error::with(std::string_view key, std::string_view value) && {
  for (auto& [k, v] : body_->facts) {
    if (k == key) {
      v = value;
      return std::move(*this);
    }
  }
  body_->facts.emplace_back(key, value);
  return std::move(*this);
}

Error&& Error::with_os_code(int errnum) && {
  body_->os_code = errnum;
  return std::move(*this);
}

Error&& Error::because(Error cause) && {
  body_->cause = std::make_unique<Error>(std::move(cause));
  return std::move(*this);
}

Error&& Error::in(std::string_view what) && {
  std::string context(what);
  context += ": ";
  body_->message.insert(detail_offset(*body_), context);
  return std::move(*this);
}

Error&& Error::as(Status status) && {
  const StatusRow* row = find_status(status);
  std::string lead_in(row == nullptr ? std::string_view() : row->lead_in);
  if (!lead_in.empty()) lead_in += ": ";
  body_->message.replace(0, detail_offset(*body_), lead_in);
  body_->status = status;
  return std::move(*this);
}

Status Error::status() const { return body_->status; }
const std::string& Error::message() const { return body_->message; }
int Error::os_code() const { return body_->os_code; }

const std::string* Error::fact(std::string_view key) const {
  for (const auto& [k, v] : body_->facts) {
    if (k == key) return &v;
  }
  return nullptr;
}

const std::vector<std::pair<std::string, std::string>>& Error::facts() const { return body_->facts; }
const Error* Error::cause() const { return body_->cause.get(); }
std::unique_ptr<Error> Error::take_cause() { return std::move(body_->cause); }

}  // namespace msb
