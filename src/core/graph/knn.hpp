// k nearest neighbours among reference points, by Euclidean distance in single precision.
// Takes matrices with points in rows; gives indices from 0 and distances, nearest first, ties by index.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/label_options.hpp"
#include "base/matrix.hpp"

namespace fatefield {

/// The k nearest of n queries: n x k, row-major; distances in the units of the data, ascending in each row.
struct Neighbours {
  std::int64_t n = 0;
  std::int64_t k = 0;
  std::vector<std::int32_t> index;
  std::vector<float> distance;
};

/// A candidate: squared distance first, so that the natural order breaks ties by index.
struct Neighbour {
  float squared;
  std::int32_t index;

  bool operator<(const Neighbour& other) const {
    return squared != other.squared ? squared < other.squared : index < other.index;
  }
};

/// Reference points made ready for queries. Queries are thread-safe.
/// Exact up to rounding to single precision after a centre of the reference points is taken away: a k-d tree
/// with boxes (Friedman, Bentley and Finkel, ACM TOMS 1977) for up to 8 dimensions, all distances for up to
/// 2,000,000 numbers (40,000 points of 50 dimensions). Beyond both: an inverted file, approximate, with a
/// measured share of the true neighbours. By name also Annoy, a forest of random projection trees
/// (Bernhardsson), approximate. The method never depends on the queries, nor do the answers depend on
/// how queries are cut into calls.
class NeighbourIndex {
 public:
  /// @param reference points x dimensions, finite, at least one point
  /// @throws Error (input) for an empty reference or unknown method
  NeighbourIndex(MatrixView reference, const KnnOptions& options);
  ~NeighbourIndex();
  NeighbourIndex(NeighbourIndex&&) noexcept;

  std::int64_t size() const;
  std::int64_t dims() const;

  /// The k nearest reference points of each query.
  /// @param queries points x dims()
  /// @throws Error (input) when k is not in 1..size() or the dimensions differ
  Neighbours query(MatrixView queries, std::int64_t k) const;

  /// The k nearest other reference points of the reference points `which`; a point is never its own
  /// neighbour, its exact duplicates are.
  /// @throws Error (input) when k is not in 1..size()-1
  Neighbours query_self(const std::vector<std::int64_t>& which, std::int64_t k) const;

  /// For callers that use neighbours at once and keep none. `centred`: a point after centre(); `out`: memory
  /// for k; `skip`: a reference point that is left out, or -1.
  void search(const float* centred, std::int64_t k, std::int32_t skip, Neighbour* out) const;

  /// The same for n queries (n x dims()), out n x k.
  void search_many(const float* centred, std::int64_t n, std::int64_t k, const std::int32_t* skip,
                   Neighbour* out) const;
  /// Of n queries, how many to search at a time, so that all threads have work and queries share what
  /// they scan. Answers do not depend on it.
  std::int64_t block_of(std::int64_t n) const;

  /// Row i of `points` less the centre of the reference, as floats.
  void centre(MatrixView points, std::int64_t i, float* out) const;

  /// "tree", "brute", "lists" or "annoy".
  const char* method() const;

  /// Reference points as they are searched: centred floats in a way of storage of the method's own.
  class Search;

 private:
  std::vector<double> centre_;
  std::vector<float> points_;
  std::int64_t size_ = 0;
  std::int64_t dims_ = 0;
  std::unique_ptr<Search> search_;
};

}  // namespace fatefield
