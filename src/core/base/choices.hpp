// Names as a message lists them.
#pragma once

#include <string>
#include <vector>

namespace fatefield {

/// As in "a", "b" or "c".
inline std::string quoted_choices(const std::vector<std::string>& names) {
  std::string out;
  for (std::size_t i = 0; i < names.size(); ++i)
    out += (i == 0 ? "\"" : i + 1 == names.size() ? " or \"" : ", \"") + names[i] + "\"";
  return out;
}

}  // namespace fatefield
