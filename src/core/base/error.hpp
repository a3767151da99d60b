// Errors of the core: one type, whose kind becomes an R condition class `fatefield_error_<kind>`.
// Messages name the user's argument, say what was found and what is needed.
#pragma once

#include <stdexcept>
#include <string>

namespace fatefield {

/// What went wrong, for callers that must tell the cases apart.
enum class ErrorKind { Input, Model, File, Numeric };

/// Base of everything the core throws on purpose.
class Error : public std::runtime_error {
 public:
  /// @param kind     the class of the error
  /// @param argument the user's name of the offending argument, empty if none
  /// @param message  what was found and what is needed, one or two sentences
  Error(ErrorKind kind, std::string argument, const std::string& message)
      : std::runtime_error(message), kind_(kind), argument_(std::move(argument)) {}

  ErrorKind kind() const { return kind_; }
  const std::string& argument() const { return argument_; }

 private:
  ErrorKind kind_;
  std::string argument_;
};

inline Error input_error(const std::string& argument, const std::string& message) {
  return Error(ErrorKind::Input, argument, message);
}
inline Error model_error(const std::string& message) { return Error(ErrorKind::Model, "", message); }
inline Error file_error(const std::string& argument, const std::string& message) {
  return Error(ErrorKind::File, argument, message);
}
inline Error numeric_error(const std::string& message) { return Error(ErrorKind::Numeric, "", message); }

/// The user pressed Ctrl-C: thrown by the core when a tick asks to stop where no partial result exists.
class Interrupted : public std::runtime_error {
 public:
  Interrupted() : std::runtime_error("interrupted") {}
};

}  // namespace fatefield
