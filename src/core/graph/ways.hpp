// Lengths of the shortest ways along a graph of nearest cells. Takes neighbours, gives distances.
#pragma once

#include <cstdint>
#include <vector>

#include "graph/knn.hpp"

namespace fatefield {

/// From one cell to each, along edges between a cell and its neighbours that lead both ways (Dijkstra,
/// Numerische Mathematik 1, 1959). Infinite where there is no way.
/// @param from number of the cell, from 0; errors of kind Input name it
std::vector<double> shortest_ways(const Neighbours& near, std::int64_t from);

}  // namespace fatefield
