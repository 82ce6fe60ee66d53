#pragma once

#include <string>
#include <string_view>

namespace msbctl {

/// Where output goes: results to standard output, everything else to standard error. Results are held back and written
/// in one go, so a reader that goes away is met in one place.
class Streams {
 public:
  Streams();
  Streams(const Streams&) = delete;
  Streams& operator=(const Streams&) = delete;
  ~Streams() { clear_live(); }

  bool out_is_terminal() const { return out_terminal_; }
  bool err_is_terminal() const { return err_terminal_; }
  /// Whether standard output is what a path leads to, as /dev/stdout does.
  static bool out_is(const std::string& path);
  /// Whether to colour what goes to standard output.
  bool out_colour() const { return out_terminal_ && !no_colour_; }

  void print(std::string_view text) { out_ += text; }
  /// Writes what was printed. Quiet about a reader that has gone away; throws Failure for other failures.
  void flush();

  /// One line on standard error.
  void say(std::string_view line);
  /// The same with a label in front, bold where colours are wanted: `error: …` in red, `hint: …` in cyan.
  void say_error(std::string_view text);
  /// Bytes of somebody else, as they are and at once. 0, or errno when nobody takes them.
  int pass_on(bool to_err, std::string_view bytes);
  void say_hint(std::string_view text);
  /// `   ✓ Verb         target (1.2s)`; the time only when it took more than half a second.
  void tick(bool good, std::string_view verb, std::string_view target, double seconds);

  /// Replaces the lines that are redrawn while work goes on; only on a terminal, and not once the user has interrupted.
  void show_live(std::string_view lines);
  void clear_live();
  /// Size of the terminal behind standard error.
  struct Size {
    size_t columns = 80;
    size_t rows = 24;
  };
  Size size() const;

  /// Asks on standard error for a `y`. Throws Failure when nobody can answer, or the wait was interrupted.
  bool confirm(std::string_view question);

 private:
  void say_labelled(std::string_view colour, std::string_view label, std::string_view text);
  std::string coloured(std::string_view colour, std::string_view text) const;

  std::string out_;
  bool out_terminal_;
  bool err_terminal_;
  bool no_colour_;
  size_t live_ = 0;  // lines that are redrawn
};

}  // namespace msbctl
