// Takes labelled cells and states; gives labels by the k nearest cells and whether they are near enough.
#include "graph/labels.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "base/error.hpp"
#include "base/threads.hpp"

namespace fatefield {
namespace {

// The cut-off is a quantile: this many reference cells, evenly spread over the rows, are plenty.
constexpr std::int64_t cutoff_sample = 20000;

void check_one_of(const char* argument, const std::string& value, const char* a, const char* b) {
  if (value == a || value == b) return;
  throw input_error(argument, std::string("`") + argument + "` must be \"" + a + "\" or \"" + b +
                                  "\", not \"" + value + "\".");
}

LabelOptions checked(LabelOptions o, std::int64_t cells) {
  check_one_of("compat", o.compat, "none", "scdiffeq");
  if (o.compat == "scdiffeq") {
    o.weights = "uniform";
    o.vote = "majority";
    o.cutoff_factor = 0;
  }
  check_one_of("weights", o.weights, "uniform", "distance");
  check_one_of("vote", o.vote, "soft", "majority");
  if (o.k < 1 || o.k >= cells)
    throw input_error("k", "`k` is " + std::to_string(o.k) + ", but must be between 1 and " +
                               std::to_string(cells - 1) + ", one less than the labelled cells.");
  if (!(o.cutoff_quantile > 0 && o.cutoff_quantile <= 1))
    throw input_error("cutoff.quantile", "`cutoff.quantile` must be above 0 and at most 1.");
  if (!(o.cutoff_factor >= 0)) throw input_error("cutoff.factor", "`cutoff.factor` must be at least 0.");
  return o;
}

double order_statistic(std::vector<double> x, double q) {
  const auto at = static_cast<std::size_t>(std::ceil(q * static_cast<double>(x.size()))) - 1;
  std::nth_element(x.begin(), x.begin() + at, x.end());
  return x[at];
}

}  // namespace

LabelTransfer::LabelTransfer(MatrixView reference, const std::vector<std::int32_t>& codes,
                             std::int64_t n_labels, const LabelOptions& options, const KnnOptions& knn)
    : index_(reference, knn),
      codes_(codes),
      n_labels_(n_labels),
      options_(checked(options, reference.rows)),
      asked_(options_.k + (options_.compat == "scdiffeq" ? 1 : 0)),
      passed_(asked_ - options_.k),
      cutoff_(std::numeric_limits<double>::infinity()) {
  if (static_cast<std::int64_t>(codes_.size()) != reference.rows)
    throw input_error("labels", "`labels` must hold one label for each reference cell.");
  for (const std::int32_t code : codes_)
    if (code < 0 || code >= n_labels_) throw input_error("labels", "`labels` holds a code that is no label.");
  if (options_.cutoff_factor > 0) cutoff_ = estimate_cutoff();
}

double LabelTransfer::estimate_cutoff() const {
  const std::int64_t n = std::min(index_.size(), cutoff_sample);
  std::vector<std::int64_t> which(static_cast<std::size_t>(n));
  for (std::int64_t i = 0; i < n; ++i) which[i] = i * index_.size() / n;
  const Neighbours near = index_.query_self(which, options_.k);
  std::vector<double> mean(static_cast<std::size_t>(n));
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = 0; j < options_.k; ++j) mean[i] += near.distance[i * options_.k + j];
    mean[i] /= static_cast<double>(options_.k);
  }
  return options_.cutoff_factor * order_statistic(std::move(mean), options_.cutoff_quantile);
}

std::vector<char> LabelTransfer::vote(MatrixView states, std::int64_t first, std::int64_t n, double* share,
                                      double* distance, std::int32_t* label) const {
  std::vector<float> queries(static_cast<std::size_t>(n * dims()));
  std::vector<std::int64_t> rows;  // those that can be found
  std::vector<char> assigned(static_cast<std::size_t>(n), 0);
  std::fill(share, share + n * n_labels_, 0.0);
  for (std::int64_t i = 0; i < n; ++i) {
    float* query = queries.data() + static_cast<std::int64_t>(rows.size()) * dims();
    index_.centre(states, first + i, query);
    // A path that ran away to infinity belongs to no label.
    if (std::all_of(query, query + dims(), [](float q) { return std::isfinite(q); })) rows.push_back(i);
    if (distance != nullptr) distance[i] = std::numeric_limits<double>::infinity();
    if (label != nullptr) label[i] = -1;
  }
  const auto count_rows = static_cast<std::int64_t>(rows.size());
  const std::vector<std::int32_t> skip(rows.size(), -1);
  std::vector<Neighbour> found(static_cast<std::size_t>(count_rows * asked_));
  index_.search_many(queries.data(), count_rows, asked_, skip.data(), found.data());
  for (std::int64_t r = 0; r < count_rows; ++r) {
    const std::int64_t i = rows[r];
    double away;
    std::int32_t most = -1;
    assigned[i] = count(found.data() + r * asked_, share + i * n_labels_, &away, &most);
    if (distance != nullptr) distance[i] = away;
    if (label != nullptr) label[i] = most;
  }
  return assigned;
}

// The vote of the neighbours found for a state; false where they are too far away.
bool LabelTransfer::count(const Neighbour* found, double* share, double* distance,
                          std::int32_t* label) const {
  double sum = 0;
  for (std::int64_t j = passed_; j < asked_; ++j) sum += std::sqrt(found[j].squared);
  *distance = sum / static_cast<double>(options_.k);
  if (*distance > cutoff_) return false;

  const double width = found[asked_ - 1].squared;
  const bool kernel = options_.weights == "distance" && width > 0;
  double total = 0;
  for (std::int64_t j = passed_; j < asked_; ++j) {
    // exp(-d^2 / 2h^2) with h half the distance to the k-th neighbour.
    const double weight = kernel ? std::exp(-2.0 * found[j].squared / width) : 1.0;
    share[codes_[found[j].index]] += weight;
    total += weight;
  }
  for (std::int64_t l = 0; l < n_labels_; ++l) share[l] /= total;
  *label = winner(found, share);
  if (options_.vote == "majority") {
    std::fill(share, share + n_labels_, 0.0);
    share[*label] = 1.0;
  }
  return true;
}

std::int32_t LabelTransfer::winner(const Neighbour* found, const double* share) const {
  const double* const most = std::max_element(share, share + n_labels_);
  if (options_.compat == "scdiffeq") return static_cast<std::int32_t>(most - share);
  std::int64_t j = passed_;
  while (share[codes_[found[j].index]] < *most) ++j;
  return codes_[found[j].index];
}

Labels LabelTransfer::transfer(MatrixView states) const {
  if (states.cols != dims())
    throw input_error("states", "The states have " + std::to_string(states.cols) +
                                    " dimensions, the labelled cells " + std::to_string(dims()) + ".");
  Labels out;
  out.probability = Matrix(states.rows, n_labels_);
  out.label.resize(static_cast<std::size_t>(states.rows));
  out.distance.resize(static_cast<std::size_t>(states.rows));
  const std::int64_t step = block_of(states.rows);
  parallel_for((states.rows + step - 1) / step, [&](std::int64_t block) {
    const std::int64_t first = block * step, n = std::min(step, states.rows - first);
    std::vector<double> shares(static_cast<std::size_t>(n * n_labels_));
    vote(states, first, n, shares.data(), out.distance.data() + first, out.label.data() + first);
    for (std::int64_t i = 0; i < n; ++i) {
      for (std::int64_t l = 0; l < n_labels_; ++l)
        out.probability(first + i, l) = shares[static_cast<std::size_t>(i * n_labels_ + l)];
    }
  });
  return out;
}

}  // namespace fatefield
