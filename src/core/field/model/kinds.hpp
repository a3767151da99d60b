// The kinds of velocity fields, as data: what each is called, what it is, to which family it belongs and how
// one is read. Error messages, the help and R's checks are made from them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/archive.hpp"
#include "field/model/velocity_field.hpp"

namespace fatefield {

/// Kinds that are fitted and kept by the same code.
enum class FieldFamily { Network, Linear, SparseVfc, Knn };

struct FieldKind {
  const char* name;
  FieldFamily family;
  const char* about;  ///< Markdown, a few words

  bool network() const { return family == FieldFamily::Network; }
};

/// All of them, the more flexible ones first.
const std::vector<FieldKind>& field_kinds();

/// By name; any other is an input_error("field").
const FieldKind& field_kind(const std::string& name);

/// input_error("field") where the kind has no network.
void check_network(const FieldKind& kind);

}  // namespace fatefield
