// Takes end states and their weights; gives shares of labels per cell, then probabilities with errors.
#include "analysis/fate.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "base/error.hpp"
#include "base/threads.hpp"

namespace fatefield {
namespace {

// Trajectories of each cell, in their order.
std::vector<std::vector<std::int64_t>> trajectories_of(const std::vector<std::int32_t>& cell,
                                                       std::int64_t n_cells) {
  std::vector<std::vector<std::int64_t>> of(static_cast<std::size_t>(n_cells));
  for (std::size_t i = 0; i < cell.size(); ++i) {
    if (cell[i] < 0 || cell[i] >= n_cells) throw input_error("cell", "`cell` holds a code that is no cell.");
    of[cell[i]].push_back(static_cast<std::int64_t>(i));
  }
  for (const auto& some : of)
    if (some.empty()) throw input_error("cell", "`cell`: a cell has no trajectory.");
  return of;
}

void check_tally(const LabelTransfer& labels, MatrixView states, const std::vector<double>& log_weights,
                 const std::vector<std::int32_t>& cell) {
  const auto rows = static_cast<std::size_t>(states.rows);
  if (states.cols != labels.dims())
    throw input_error("states", "The end states have " + std::to_string(states.cols) +
                                    " dimensions, the labelled cells " + std::to_string(labels.dims()) + ".");
  if (cell.size() != rows) throw input_error("cell", "`cell` must name the cell of each end state.");
  if (!log_weights.empty() && log_weights.size() != rows)
    throw input_error("log_weights", "`log_weights` must hold one value for each end state.");
}

// Masses of some trajectories, the heaviest being 1: no overflow whatever the growth.
std::vector<double> relative_weights(const std::vector<double>& log_weights,
                                     const std::vector<std::int64_t>& of) {
  if (log_weights.empty()) return std::vector<double>(of.size(), 1.0);
  double highest = -std::numeric_limits<double>::infinity();
  for (const std::int64_t i : of)
    if (std::isfinite(log_weights[i])) highest = std::max(highest, log_weights[i]);
  std::vector<double> out;
  for (const std::int64_t i : of)
    out.push_back(std::isfinite(log_weights[i]) ? std::exp(log_weights[i] - highest) : 0.0);
  return out;
}

// The Dirichlet posterior of one cell under one member: its mean and its total of observations.
struct Posterior {
  double concentration;
  std::vector<double> mean;
};

Posterior posterior(const FateShares& member, std::int64_t c, const std::vector<std::int32_t>& fates,
                    double prior) {
  Posterior out;
  out.concentration = prior;
  for (const std::int32_t f : fates) {
    const double count = member.effective[c] * member.share(c, f);
    out.concentration += count;
    out.mean.push_back(count + prior / static_cast<double>(fates.size()));
  }
  for (double& m : out.mean) m /= out.concentration;
  return out;
}

void check_members(const std::vector<FateShares>& members, const std::vector<std::int32_t>& fates,
                   const FateOptions& options) {
  if (members.empty()) throw input_error("members", "There are no simulations to sum up.");
  if (fates.empty()) throw input_error("fates", "`fates` leaves no label that counts as a fate.");
  if (!(options.prior >= 0)) throw input_error("prior", "`prior` must be at least 0.");
  for (const FateShares& m : members)
    if (m.share.rows != members[0].share.rows || m.share.cols != members[0].share.cols)
      throw input_error("members", "The members are not about the same cells and labels.");
  for (const std::int32_t f : fates)
    if (f < 0 || f >= members[0].share.cols - 1)
      throw input_error("fates", "`fates` holds a code that is no label.");
}

// Probabilities, errors and spread of cell c.
void summarise_probabilities(const std::vector<FateShares>& members, std::int64_t c,
                             const std::vector<std::int32_t>& fates, double prior, FateTable& out) {
  const auto n = static_cast<double>(members.size());
  std::vector<Posterior> of;
  for (const FateShares& m : members) of.push_back(posterior(m, c, fates, prior));
  for (std::size_t f = 0; f < fates.size(); ++f) {
    double mean = 0, sampling = 0, between = 0;
    for (const Posterior& p : of) {
      mean += p.mean[f] / n;
      sampling += p.mean[f] * (1 - p.mean[f]) / (p.concentration + 1) / (n * n);
    }
    for (const Posterior& p : of) between += (p.mean[f] - mean) * (p.mean[f] - mean) / std::max(1.0, n - 1);
    out.probability(c, f) = mean;
    out.spread(c, f) = std::sqrt(between);
    out.se(c, f) = std::sqrt(std::max(sampling, between / n));
    // 0 ln 0 = 0; a NaN must not pass for 0.
    if (!(mean <= 0)) out.entropy[c] -= mean * std::log(mean);
  }
}

void summarise_rest(const std::vector<FateShares>& members, std::int64_t c,
                    const std::vector<std::int32_t>& fates, FateTable& out) {
  const auto n = static_cast<double>(members.size());
  for (const FateShares& m : members) {
    double in_fates = 0;
    for (const std::int32_t f : fates) in_fates += m.share(c, f);
    const double unassigned = m.share(c, m.share.cols - 1);
    out.unassigned[c] += unassigned / n;
    out.other[c] += std::max(0.0, 1 - in_fates - unassigned) / n;
    out.effective[c] += m.effective[c];
  }
}

}  // namespace

FateShares tally_fates(const LabelTransfer& labels, MatrixView states, const std::vector<double>& log_weights,
                       const std::vector<std::int32_t>& cell, std::int64_t n_cells) {
  check_tally(labels, states, log_weights, cell);
  const auto of = trajectories_of(cell, n_cells);
  const std::int64_t columns = labels.n_labels() + 1;
  FateShares out;
  out.share = Matrix(n_cells, columns);
  out.effective.resize(static_cast<std::size_t>(n_cells));
  const std::int64_t labels_only = columns - 1;
  // Labels of all states first, many at a time, then the sums of each cell.
  std::vector<double> shares(static_cast<std::size_t>(states.rows * labels_only));
  std::vector<char> assigned(static_cast<std::size_t>(states.rows));
  const std::int64_t step = labels.block_of(states.rows);
  parallel_for((states.rows + step - 1) / step, [&](std::int64_t block) {
    const std::int64_t first = block * step, n = std::min(step, states.rows - first);
    std::vector<double> some(static_cast<std::size_t>(n * labels_only));
    const std::vector<char> yes = labels.vote(states, first, n, some.data());
    std::copy(some.begin(), some.end(), shares.begin() + first * labels_only);
    std::copy(yes.begin(), yes.end(), assigned.begin() + first);
  });
  parallel_for(n_cells, [&](std::int64_t c) {
    const std::vector<double> weights = relative_weights(log_weights, of[c]);
    std::vector<double> sum(static_cast<std::size_t>(columns));
    double total = 0, squares = 0;
    for (std::size_t s = 0; s < of[c].size(); ++s) {
      const double* share = shares.data() + of[c][s] * labels_only;
      for (std::int64_t l = 0; l < labels_only; ++l) sum[l] += weights[s] * share[l];
      if (!assigned[of[c][s]]) sum[labels_only] += weights[s];
      total += weights[s];
      squares += weights[s] * weights[s];
    }
    if (!(total > 0)) {
      out.share(c, columns - 1) = 1;
      return;
    }
    for (std::int64_t l = 0; l < columns; ++l) out.share(c, l) = sum[l] / total;
    out.effective[c] = total * total / squares;
  });
  return out;
}

FateTable summarise_fates(const std::vector<FateShares>& members, const std::vector<std::int32_t>& fates,
                          const FateOptions& options) {
  check_members(members, fates, options);
  const std::int64_t n = members[0].share.rows;
  const auto n_fates = static_cast<std::int64_t>(fates.size());
  FateTable out;
  out.probability = Matrix(n, n_fates);
  out.se = Matrix(n, n_fates);
  out.spread = Matrix(n, n_fates);
  for (auto* column : {&out.entropy, &out.unassigned, &out.other, &out.effective})
    column->assign(static_cast<std::size_t>(n), 0.0);
  for (std::int64_t c = 0; c < n; ++c) {
    summarise_probabilities(members, c, fates, options.prior, out);
    summarise_rest(members, c, fates, out);
  }
  return out;
}

}  // namespace fatefield
