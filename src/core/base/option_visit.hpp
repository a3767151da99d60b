// Visits the members of an option struct in their order: visit("r.name", member), for R lists and model
// files.
#pragma once

#include <type_traits>

#include "base/option_fields.hpp"

namespace fatefield {

template <typename Options, typename V>
void visit_fields(Options& o, V&& visit) {
  using Plain = std::remove_const_t<Options>;
  fields(static_cast<Plain*>(nullptr), o, visit);
}

}  // namespace fatefield
