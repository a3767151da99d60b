// Checks and plain views of clouds for the files of this folder.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ot/sinkhorn.hpp"

namespace fatefield {
namespace ot {

/// Weights as doubles, 1/n each where the cloud has none.
template <typename T>
std::vector<double> weights_of(const Cloud<T>& cloud);

/// Errors of kind Input that name `argument` where the cloud cannot be used.
template <typename T>
void check_cloud(const Cloud<T>& cloud, const std::string& argument);

/// Both clouds usable together: same dims, and the same mass unless transport is unbalanced.
template <typename T>
void check_pair(const Cloud<T>& x, const Cloud<T>& y, bool balanced);

}  // namespace ot
}  // namespace fatefield
